package wire

import (
	"fmt"
	"math"
)

// Versions of Produce that have a view. Older ones carry message sets.
const (
	ProduceMin int16 = 3
	ProduceMax int16 = 13
)

// ProduceRequest is a view of a Produce request. It aliases the frame: whoever
// keeps a view keeps the frame. Its slices are kept from one Parse to the next.
type ProduceRequest struct {
	Version         int16
	TransactionalID []byte // nil: none
	Acks            int16
	TimeoutMs       int32
	Topics          []ProduceTopic
	Parts           []ProducePart // of all topics, in request order

	in produceReading
}

// ProduceTopic names a topic of a Produce request: by Name before version 13,
// by ID from then on.
type ProduceTopic struct {
	Name  []byte
	ID    [16]byte
	Parts int // how many of the request's parts are this topic's
}

// ProducePart is what is produced to one partition. Records is nil when null.
type ProducePart struct {
	Topic   int32 // into Topics
	Index   int32
	Records []byte
}

// Parse reads the body of a Produce request. On error the view is of no use.
func (q *ProduceRequest) Parse(version int16, body []byte) error {
	err := q.Begin(version, body)
	for more := err == nil; more; {
		more, err = q.ParseSome(math.MaxInt)
	}
	return err
}

// produceReading is how far the reading of a request has come.
type produceReading struct {
	r      reader
	flex   bool
	topics int // left
	parts  int // left of the last topic
}

// Begin begins to read a body, which ParseSome goes on with.
func (q *ProduceRequest) Begin(version int16, body []byte) error {
	if version < ProduceMin || version > ProduceMax {
		return fmt.Errorf("wire: Produce v%d: have %d to %d", version, ProduceMin, ProduceMax)
	}
	q.Version, q.Topics, q.Parts = version, q.Topics[:0], q.Parts[:0]
	q.in = produceReading{r: reader{b: body}, flex: version >= 9}
	r, flex := &q.in.r, q.in.flex
	q.TransactionalID = r.nullableString(flex)
	q.Acks, q.TimeoutMs = r.int16(), r.int32()
	q.in.topics = r.count(flex, minTopic(version >= 13, flex))
	return nil
}

// ParseSome reads at most n topics and parts and tells whether there are more. On
// error the view is of no use.
func (q *ProduceRequest) ParseSome(n int) (more bool, err error) {
	in := &q.in
	for ; n > 0 && in.r.bad == "" && in.topics+in.parts > 0; n-- {
		if in.parts > 0 {
			q.parsePart()
		} else {
			q.parseTopic()
		}
	}
	if in.r.bad == "" && in.topics+in.parts > 0 {
		return true, nil
	}
	if in.flex {
		in.r.skipTags()
	}
	if in.r.bad != "" {
		err = in.r.fail(fmt.Sprintf("Produce v%d", q.Version))
	}
	q.in = produceReading{}
	return false, err
}

func (q *ProduceRequest) parseTopic() {
	in := &q.in
	in.topics--
	var t ProduceTopic
	if q.Version >= 13 {
		t.ID = in.r.uuid()
	} else {
		t.Name = in.r.string(in.flex)
	}
	minPart := 8
	if in.flex {
		minPart = 6
	}
	t.Parts = in.r.count(in.flex, minPart)
	in.parts = t.Parts
	q.Topics = append(q.Topics, t)
	q.endTopic()
}

func (q *ProduceRequest) parsePart() {
	in := &q.in
	in.parts--
	p := ProducePart{Topic: int32(len(q.Topics) - 1), Index: in.r.int32(), Records: in.r.nullableBytes(in.flex)}
	if in.flex {
		in.r.skipTags()
	}
	q.Parts = append(q.Parts, p)
	q.endTopic()
}

// endTopic reads what follows a topic's last part.
func (q *ProduceRequest) endTopic() {
	if in := &q.in; in.parts == 0 && in.flex {
		in.r.skipTags()
	}
}

// minTopic is the fewest bytes a topic with no partitions takes: its name or
// id, a count and, in flexible versions, tagged fields.
func minTopic(ids, flex bool) int {
	switch {
	case ids:
		return 18
	case flex:
		return 3
	}
	return 6
}
