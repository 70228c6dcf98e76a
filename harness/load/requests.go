package load

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/ceteris/ceteris/workloads"
)

// RequestsFile is where the log of requests is, in the load's directory.
const RequestsFile = "requests.csv.gz"

// maxLogged bounds what all threads together keep of one class, 72 bytes a request.
const maxLogged = 4 << 20

// settled is one request of the measured window.
type settled struct {
	index, intendedNs     int64
	sentNs                int64 // 0: never
	responseNs, serviceNs int64 // as the histograms have them
	conn, partition       int32
	outcome               string
}

// The outcomes of requests that no broker named.
const (
	outcomeOK          = "ok"
	outcomeOutstanding = "outstanding" // not answered when the run gave up
	outcomeUnsent      = "unsent"
)

// requestLog keeps every so-many-th request of one thread's share of a class, or
// nothing when it is nil. All of it exists and has been touched before the load
// starts, so that keeping one neither allocates nor faults.
type requestLog struct {
	class  string
	every  int64
	stride int64 // between one request of this thread and its next, where they take turns
	kept   []settled
	lost   int64 // for which there was no room
}

// newRequestLog has room for a thread's share of the window's requests: of the
// schedule s any thread may get all, of a closed loop, where s is nil, nobody knows
// how many there will be. It is nil when the workload asks for none.
func (r *run) newRequestLog(class string, s *workloads.Schedule, threads int) *requestLog {
	every := int64(r.o.W.RequestLog)
	if every == 0 {
		return nil
	}
	room := int64(maxLogged / threads)
	l := &requestLog{class: class, every: every, stride: int64(threads)}
	if s != nil {
		l.stride = 1
		room = min(room, (s.Before(int64(r.o.Warmup+r.o.Measure))-s.Before(int64(r.o.Warmup)))/every+1)
	}
	l.kept = make([]settled, room)
	for i := range l.kept {
		l.kept[i].index = -1 // touches every page
	}
	l.kept = l.kept[:0]
	return l
}

// keep keeps a measured request if it is one of those that are asked for: those
// whose index divides, so that all arms keep the same ones of a schedule.
func (l *requestLog) keep(q *waiting, sentNs, responseNs, serviceNs int64, conn int, outcome string) {
	if l == nil || q.index/l.stride%l.every != 0 {
		return
	}
	if len(l.kept) == cap(l.kept) {
		l.lost++
		return
	}
	l.kept = append(l.kept, settled{
		index: q.index, intendedNs: q.intendedNs, sentNs: sentNs, responseNs: responseNs, serviceNs: serviceNs,
		conn: int32(conn), partition: q.partition, outcome: outcome,
	})
}

// writeRequests writes the logs of all threads into dir, in the order in which
// requests were due, and counts them. Times are ns since the window's start; a
// field that a request has no value for is empty.
func writeRequests(dir string, logs []*requestLog, startNs int64, s *Summary) (err error) {
	type row struct {
		*settled
		class string
	}
	var rows []row
	for _, l := range logs {
		if l == nil {
			return nil // none of them is there
		}
		s.LogLost += l.lost
		for i := range l.kept {
			rows = append(rows, row{&l.kept[i], l.class})
		}
	}
	s.Logged = int64(len(rows))
	if dir == "" {
		return nil
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.intendedNs, b.intendedNs), cmp.Compare(a.class, b.class), cmp.Compare(a.index, b.index))
	})
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, RequestsFile))
	if err != nil {
		return err
	}
	z := gzip.NewWriter(f)
	b := bufio.NewWriter(z)
	defer func() { err = errors.Join(err, b.Flush(), z.Close(), f.Close()) }()
	if _, err := b.WriteString("class,index,connection,partition,intended_ns,sent_ns,answered_ns,response_ns,service_ns,slip_ns,outcome\n"); err != nil {
		return err
	}
	var line []byte
	for _, r := range rows {
		line = r.append(line[:0], r.class, startNs)
		if _, err := b.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// append writes one request as a line.
func (r *settled) append(b []byte, class string, startNs int64) []byte {
	number := func(there bool, v int64) {
		b = append(b, ',')
		if there {
			b = strconv.AppendInt(b, v, 10)
		}
	}
	sent := r.sentNs != 0
	slipNs := r.responseNs // of what was never sent, all of it is the generator's
	if sent {
		slipNs = r.sentNs - r.intendedNs
	}
	b = append(b, class...)
	number(true, r.index)
	number(true, int64(r.conn))
	number(true, int64(r.partition))
	number(true, r.intendedNs-startNs)
	number(sent, r.sentNs-startNs)
	number(r.outcome == outcomeOK, r.intendedNs+r.responseNs-startNs)
	number(true, r.responseNs)
	number(sent, r.serviceNs)
	number(true, slipNs)
	b = append(append(b, ','), r.outcome...)
	return append(b, '\n')
}
