package api

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/wire"
)

var rewrite = flag.Bool("rewrite", false, "write what happens into the transcripts; read the diff")

// The transcript is a client's side of sessions: commands, and indented below
// each what came back. A line of the response is a partition that it mentions.
func TestFetchSessionsTranscript(t *testing.T) {
	const file = "testdata/fetch_sessions.txt"
	in, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &sessionScript{f: newFake(t, "max.incremental.fetch.session.cache.slots", "2"), version: 13}
	var got strings.Builder
	for line := range strings.Lines(string(in)) {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		got.WriteString(line)
		if words := strings.Fields(line); len(words) > 0 && words[0] != "#" {
			for _, out := range s.run(words) {
				got.WriteString("  " + out + "\n")
			}
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got.String() != string(in) {
		want, have := strings.Split(string(in), "\n"), strings.Split(got.String(), "\n")
		for i := range min(len(want), len(have)) {
			if want[i] != have[i] {
				t.Fatalf("%s:%d: got %q, want %q (go test -rewrite, and read the diff)", file, i+1, have[i], want[i])
			}
		}
		t.Fatalf("%s: got %d lines, want %d", file, len(have), len(want))
	}
}

type sessionScript struct {
	f       *fakeBroker
	version int16
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func (s *sessionScript) run(words []string) []string {
	switch words[0] {
	case "topic":
		s.f.topic(words[1], int32(number(words[2])))
	case "delete":
		s.f.Mutate(cluster.DeleteTopic{Name: words[1]})
	case "produce":
		topic, index, n := s.place(words[1])
		s.f.produced(produceTo(12, &cluster.Topic{Name: topic}, index, records(int(n), 10)))
	case "fail":
		topic, index, _ := s.place(words[1])
		s.f.part(s.f.im.Topic([]byte(topic)), index).ID = [16]byte{99}
	case "mend":
		topic, index, _ := s.place(words[1])
		t := s.f.im.Topic([]byte(topic))
		s.f.part(t, index).ID = t.ID
	case "version":
		s.version = int16(number(words[1]))
	case "after":
		s.f.nowMs += number(words[1]) * 1000
	case "sessions":
		return []string{fmt.Sprintf("%d with %d partitions, %d evicted", s.f.ses.Len(), s.f.ses.Partitions, s.f.ses.Evicted)}
	case "fetch":
		return s.fetch(words[1:])
	default:
		panic(words[0])
	}
	return nil
}

// place reads topic:partition@number.
func (s *sessionScript) place(word string) (topic string, index int32, n int64) {
	topic, rest, _ := strings.Cut(word, ":")
	p, at, _ := strings.Cut(rest, "@")
	if at != "" {
		n = number(at)
	}
	return topic, int32(number(p)), n
}

func (s *sessionScript) id(topic string) [16]byte {
	if t := s.f.im.Topic([]byte(topic)); t != nil {
		return t.ID
	}
	return [16]byte{0xdd}
}

// fetch reads session/epoch [max=BYTES] topic:partition@offset… -topic:partition…
func (s *sessionScript) fetch(words []string) []string {
	q := kmsg.NewPtrFetchRequest()
	q.Version, q.MaxBytes = s.version, 1<<20
	id, epoch, _ := strings.Cut(words[0], "/")
	q.SessionID, q.SessionEpoch = int32(number(id)), int32(number(epoch))
	for _, w := range words[1:] {
		if most, ok := strings.CutPrefix(w, "max="); ok {
			q.MaxBytes = int32(number(most))
		} else if gone, ok := strings.CutPrefix(w, "-"); ok {
			topic, index, _ := s.place(gone)
			q.ForgottenTopics = append(q.ForgottenTopics, kmsg.FetchRequestForgottenTopic{Topic: topic, TopicID: s.id(topic), Partitions: []int32{index}})
		} else {
			topic, index, offset := s.place(w)
			p := kmsg.NewFetchRequestTopicPartition()
			p.Partition, p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch, p.LastFetchedEpoch = index, offset, 1<<20, -1, -1
			q.Topics = append(q.Topics, kmsg.FetchRequestTopic{Topic: topic, TopicID: s.id(topic), Partitions: []kmsg.FetchRequestTopicPartition{p}})
		}
	}
	resp := s.f.ask(q).(*kmsg.FetchResponse)
	out := []string{fmt.Sprintf("code %d session %d", resp.ErrorCode, resp.SessionID)}
	for _, t := range resp.Topics {
		name := t.Topic
		if s.version >= 13 {
			name = fmt.Sprintf("%x", t.TopicID[:1])
			if i := slices.IndexFunc(s.f.im.Topics(), func(x *cluster.Topic) bool { return x.ID == t.TopicID }); i >= 0 {
				name = s.f.im.Topics()[i].Name
			}
		}
		for _, p := range t.Partitions {
			out = append(out, fmt.Sprintf("%s:%d code %d hw %d bytes %d", name, p.Partition, p.ErrorCode, p.HighWatermark, len(p.RecordBatches)))
		}
	}
	return out
}

// Two requests of one session in the broker at once: the one that was split
// first has lost its session by the time it is answered.
func TestFetchSessionTakenOverMeanwhile(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 1)
	full := fetchFrom(13, topic, 1)
	full.SessionEpoch = 0
	id := f.ask(full).(*kmsg.FetchResponse).SessionID

	slow := Fetch{Env: f.env}
	var req wire.FetchRequest
	q := fetchFrom(13, topic, 1)
	for epoch := int32(1); epoch <= 2; epoch++ {
		q.SessionID, q.SessionEpoch = id, epoch
		if err := req.Parse(13, q.AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
		op := &slow
		if epoch == 2 {
			op = &f.fetch
		}
		op.Split(&req, f.im, f.ses)
		op.Parts[0].Apply(f.part(topic, 0), int(op.MaxBytes), true, f.pk)
	}
	f.join(1)
	slow.Join(f.ses, 99, nil, &f.chain)
	resp := f.decode(q, flatten(&f.chain)).(*kmsg.FetchResponse)
	if resp.ErrorCode != codeInvalidSessionEpoch || len(resp.Topics) != 0 {
		t.Errorf("code %d, %d topics", resp.ErrorCode, len(resp.Topics))
	}
}

func TestSessionEpochWraps(t *testing.T) {
	if e := nextEpoch(1<<31 - 1); e != 1 {
		t.Errorf("got %d, want 1: 0 would ask for a new session", e)
	}
}
