package wire

import (
	"fmt"
	"math"
)

// Versions of Fetch that have a view.
const (
	FetchMin int16 = 4
	FetchMax int16 = 17
)

// FetchRequest is a view of a Fetch request. It aliases the frame and keeps its
// slices from one Parse to the next.
type FetchRequest struct {
	Version       int16
	ReplicaID     int32 // -1: a consumer
	ReplicaEpoch  int64 // broker epoch of a follower, -1 when not given
	MaxWaitMs     int32
	MinBytes      int32
	MaxBytes      int32
	ReadCommitted bool
	SessionID     int32 // 0: none
	SessionEpoch  int32 // -1: no session; 0: a new one
	Topics        []FetchTopic
	Parts         []FetchPart // of all topics, in request order
	Forgotten     []FetchTopic
	ForgottenPart []ForgottenPart // of all forgotten topics
	Rack          []byte
	ClusterID     []byte // nil: not given

	in fetchReading
}

// FetchTopic names a topic of a Fetch request: by Name before version 13, by ID
// from then on.
type FetchTopic struct {
	Name  []byte
	ID    [16]byte
	Parts int // how many parts are this topic's
}

// FetchPart is what is wanted of one partition. Epochs are -1 when not given.
type FetchPart struct {
	Topic            int32 // into Topics
	Index            int32
	CurrentEpoch     int32
	Offset           int64
	LastFetchedEpoch int32
	LogStart         int64 // of a follower
	MaxBytes         int32
}

// ForgottenPart is a partition to drop from the session.
type ForgottenPart struct {
	Topic int32 // into Forgotten
	Index int32
}

// Parse reads the body of a Fetch request. On error the view is of no use.
func (q *FetchRequest) Parse(version int16, body []byte) error {
	err := q.Begin(version, body)
	for more := err == nil; more; {
		more, err = q.ParseSome(math.MaxInt)
	}
	return err
}

// fetchReading is how far the reading of a request has come.
type fetchReading struct {
	r         reader
	flex      bool
	forgotten bool // the topics are those that the session is to forget
	topics    int  // left
	parts     int  // left of the last topic
}

// Begin reads a body up to the topics, which ParseSome goes on with: what says
// which session it is about is known already.
func (q *FetchRequest) Begin(version int16, body []byte) error {
	if version < FetchMin || version > FetchMax {
		return fmt.Errorf("wire: Fetch v%d: have %d to %d", version, FetchMin, FetchMax)
	}
	*q = FetchRequest{
		Version: version, ReplicaID: -1, ReplicaEpoch: -1, SessionEpoch: -1,
		Topics: q.Topics[:0], Parts: q.Parts[:0],
		Forgotten: q.Forgotten[:0], ForgottenPart: q.ForgottenPart[:0],
		in: fetchReading{r: reader{b: body}, flex: version >= 12},
	}
	r := &q.in.r
	if version <= 14 {
		q.ReplicaID = r.int32()
	}
	q.MaxWaitMs, q.MinBytes, q.MaxBytes = r.int32(), r.int32(), r.int32()
	q.ReadCommitted = r.int8() == 1
	if version >= 7 {
		q.SessionID, q.SessionEpoch = r.int32(), r.int32()
	}
	q.in.topics = q.countTopics()
	return nil
}

func (q *FetchRequest) countTopics() int {
	return q.in.r.count(q.in.flex, minTopic(q.Version >= 13, q.in.flex))
}

// ParseSome reads at most n topics and parts and tells whether there are more. On
// error the view is of no use.
func (q *FetchRequest) ParseSome(n int) (more bool, err error) {
	in := &q.in
	for in.r.bad == "" {
		switch {
		case in.topics+in.parts > 0 && n == 0:
			return true, nil
		case in.parts > 0:
			n -= q.parseParts(n)
		case in.topics > 0:
			q.parseTopic()
			n--
		case q.Version >= 7 && !in.forgotten:
			in.forgotten, in.topics = true, q.countTopics()
		default:
			return false, q.end()
		}
	}
	return false, q.end()
}

// end reads what follows the topics.
func (q *FetchRequest) end() (err error) {
	r := &q.in.r
	if q.Version >= 11 {
		q.Rack = r.string(q.in.flex)
	}
	if q.in.flex {
		q.parseTags(r)
	}
	if r.bad != "" {
		err = r.fail(fmt.Sprintf("Fetch v%d", q.Version))
	}
	q.in = fetchReading{}
	return err
}

func (q *FetchRequest) parseTopic() {
	in := &q.in
	in.topics--
	t := q.topic(&in.r, in.flex)
	if in.forgotten {
		t.Parts = in.r.count(in.flex, 4)
		q.Forgotten = append(q.Forgotten, t)
	} else {
		t.Parts = in.r.count(in.flex, q.minPart(in.flex))
		q.Topics = append(q.Topics, t)
	}
	in.parts = t.Parts
	q.endTopic()
}

// endTopic reads what follows a topic's last part.
func (q *FetchRequest) endTopic() {
	if in := &q.in; in.parts == 0 && in.flex {
		in.r.skipTags()
	}
}

// parseParts reads at most n parts of the last topic and tells how many.
func (q *FetchRequest) parseParts(n int) (done int) {
	in := &q.in
	r, flex, at, version := in.r, in.flex, int32(len(q.Topics)-1), q.Version
	n = min(n, in.parts)
	for done < n && r.bad == "" {
		done++
		if in.forgotten {
			q.ForgottenPart = append(q.ForgottenPart, ForgottenPart{Topic: int32(len(q.Forgotten) - 1), Index: r.int32()})
			continue
		}
		p := FetchPart{Topic: at, Index: r.int32(), CurrentEpoch: -1, LastFetchedEpoch: -1, LogStart: -1}
		if version >= 9 {
			p.CurrentEpoch = r.int32()
		}
		p.Offset = r.int64()
		if version >= 12 {
			p.LastFetchedEpoch = r.int32()
		}
		if version >= 5 {
			p.LogStart = r.int64()
		}
		p.MaxBytes = r.int32()
		if flex {
			r.skipTags() // the directory of a follower's log
		}
		q.Parts = append(q.Parts, p)
	}
	in.r = r
	in.parts -= done
	q.endTopic()
	return done
}

func (q *FetchRequest) topic(r *reader, flex bool) (t FetchTopic) {
	if q.Version >= 13 {
		t.ID = r.uuid()
	} else {
		t.Name = r.string(flex)
	}
	return t
}

// minPart is the fewest bytes a partition takes.
func (q *FetchRequest) minPart(flex bool) int {
	switch {
	case flex:
		return 33
	case q.Version >= 9:
		return 28
	case q.Version >= 5:
		return 24
	}
	return 16
}

// parseTags reads the request's own tagged fields: 0 is the cluster id, 1 is
// the replica's state, which took the place of the replica id in version 15.
func (q *FetchRequest) parseTags(r *reader) {
	for n := r.tags(); n > 0 && r.bad == ""; n-- {
		number, value := r.tag()
		in := reader{b: value}
		switch number {
		case 0:
			q.ClusterID = in.nullableString(true)
		case 1:
			q.ReplicaID, q.ReplicaEpoch = in.int32(), in.int64()
		}
		if in.bad != "" {
			r.stop("a tagged field that " + in.bad)
		}
	}
}
