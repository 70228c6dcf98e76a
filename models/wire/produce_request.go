package wire

import "fmt"

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
	if version < ProduceMin || version > ProduceMax {
		return fmt.Errorf("wire: Produce v%d: have %d to %d", version, ProduceMin, ProduceMax)
	}
	q.Version, q.Topics, q.Parts = version, q.Topics[:0], q.Parts[:0]
	flex := version >= 9
	r := reader{b: body}
	q.TransactionalID = r.nullableString(flex)
	q.Acks, q.TimeoutMs = r.int16(), r.int32()
	for n := r.count(flex, minTopic(version >= 13, flex)); n > 0 && r.bad == ""; n-- {
		q.parseTopic(&r, flex)
	}
	if flex {
		r.skipTags()
	}
	if r.bad != "" {
		return r.fail(fmt.Sprintf("Produce v%d", version))
	}
	return nil
}

func (q *ProduceRequest) parseTopic(r *reader, flex bool) {
	var t ProduceTopic
	if q.Version >= 13 {
		t.ID = r.uuid()
	} else {
		t.Name = r.string(flex)
	}
	minPart := 8
	if flex {
		minPart = 6
	}
	t.Parts = r.count(flex, minPart)
	at := int32(len(q.Topics))
	for i := 0; i < t.Parts && r.bad == ""; i++ {
		p := ProducePart{Topic: at, Index: r.int32(), Records: r.nullableBytes(flex)}
		if flex {
			r.skipTags()
		}
		q.Parts = append(q.Parts, p)
	}
	if flex {
		r.skipTags()
	}
	q.Topics = append(q.Topics, t)
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
