package load

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// produceAnswer is what a Produce response says about its one partition.
type produceAnswer struct {
	code       int16
	baseOffset int64
}

var errMalformed = errors.New("malformed response")

// parseProduce reads a Produce response of version 9 to 12 behind its
// correlation id.
func parseProduce(body []byte) (produceAnswer, error) {
	c := cursor{b: body}
	c.tags()
	if n := c.compact(); n != 1 {
		return produceAnswer{}, fmt.Errorf("%w: Produce names %d topics, want 1", errMalformed, n)
	}
	c.take(c.compact())
	if n := c.compact(); n != 1 {
		return produceAnswer{}, fmt.Errorf("%w: Produce names %d partitions, want 1", errMalformed, n)
	}
	c.i32()
	a := produceAnswer{code: c.i16(), baseOffset: c.i64()}
	if c.bad {
		return produceAnswer{}, fmt.Errorf("%w: Produce of %d bytes is too short", errMalformed, len(body))
	}
	return a, nil
}

// eachProduced reads a Produce response with several partitions of one topic and
// hands every one to each. It returns how many there were.
func eachProduced(body []byte, each func(partition int32, a produceAnswer)) (int, error) {
	c := cursor{b: body}
	c.tags()
	if n := c.compact(); n != 1 {
		return 0, fmt.Errorf("%w: Produce names %d topics, want 1", errMalformed, n)
	}
	c.take(c.compact())
	parts := c.compact()
	for range parts {
		p := c.i32()
		a := produceAnswer{code: c.i16(), baseOffset: c.i64()}
		c.take(16) // append time, log start
		for wrong := c.compact(); wrong > 0 && !c.bad; wrong-- {
			c.i32()
			c.take(c.compact())
			c.tags()
		}
		c.take(c.compact()) // message
		c.tags()
		if c.bad {
			return 0, fmt.Errorf("%w: Produce of %d bytes is too short", errMalformed, len(body))
		}
		each(p, a)
	}
	return parts, nil
}

// fetchRequest is a full Fetch request v12 (no session) over some partitions of
// one leader, encoded once; the offsets are patched in place.
type fetchRequest struct {
	bytes   []byte
	offsets []int // where the fetch offset of each partition stands
	waitAt  int   // and the longest wait
}

const (
	fetchVersion = 12

	fetchMaxWaitMs    = 500
	fetchMinBytes     = 1
	fetchMaxBytes     = 4 << 20
	fetchPartitionMax = 1 << 20
	maxResponseBytes  = 64 << 20
)

// newFetchRequest encodes the request; partitions are topic*per + partition and
// ascend.
func newFetchRequest(topics []string, per int, partitions []int) *fetchRequest {
	f := &fetchRequest{}
	b := []byte{0, 0, 0, 0, 0, fetchKey, 0, fetchVersion, 0, 0, 0, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(len(clientID)))
	b = append(b, clientID...)
	b = append(b, 0)
	f.waitAt = len(b) + 4
	for _, v := range []int32{-1, fetchMaxWaitMs, fetchMinBytes, fetchMaxBytes} {
		b = binary.BigEndian.AppendUint32(b, uint32(v)) // replica, wait, min, max
	}
	b = append(b, 0)                                 // read uncommitted
	b = binary.BigEndian.AppendUint32(b, 0)          // session: none
	b = binary.BigEndian.AppendUint32(b, 0xffffffff) // epoch -1
	byTopic := map[int][]int{}
	var order []int
	for _, p := range partitions {
		t := p / per
		if len(byTopic[t]) == 0 {
			order = append(order, t)
		}
		byTopic[t] = append(byTopic[t], p%per)
	}
	b = binary.AppendUvarint(b, uint64(len(order)+1))
	for _, t := range order {
		b = appendCompact(b, topics[t])
		b = binary.AppendUvarint(b, uint64(len(byTopic[t])+1))
		for _, p := range byTopic[t] {
			b = binary.BigEndian.AppendUint32(b, uint32(p))
			b = binary.BigEndian.AppendUint32(b, 0xffffffff) // leader epoch: not checked
			f.offsets = append(f.offsets, len(b))
			b = binary.BigEndian.AppendUint64(b, 0)
			b = binary.BigEndian.AppendUint32(b, 0xffffffff) // last fetched epoch
			b = binary.BigEndian.AppendUint64(b, ^uint64(0)) // log start: not a follower
			b = binary.BigEndian.AppendUint32(b, fetchPartitionMax)
			b = append(b, 0)
		}
		b = append(b, 0)
	}
	b = append(b, 1, 1, 0) // nothing forgotten, no rack, no tags
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	f.bytes = b
	return f
}

// wait patches the longest time that the broker may wait for data.
func (f *fetchRequest) wait(ms int32) {
	binary.BigEndian.PutUint32(f.bytes[f.waitAt:], uint32(ms))
}

// set patches the correlation id and every offset.
func (f *fetchRequest) set(correlation int32, offset func(k int) int64) {
	binary.BigEndian.PutUint32(f.bytes[8:], uint32(correlation))
	for k, at := range f.offsets {
		binary.BigEndian.PutUint64(f.bytes[at:], uint64(offset(k)))
	}
}

// fetched is one partition of a Fetch response.
type fetched struct {
	topic     []byte // aliases the response
	partition int32
	code      int16
	records   []byte // record batches, the last perhaps cut; aliases the response
}

// parseFetch reads a Fetch response v12 behind its correlation id and hands
// every partition to each. It returns the response's own error code.
func parseFetch(body []byte, each func(*fetched)) (int16, error) {
	c := cursor{b: body}
	c.tags()
	c.i32() // throttle
	code := c.i16()
	c.i32() // session
	var f fetched
	for topics := c.compact(); topics > 0 && !c.bad; topics-- {
		f.topic = c.take(c.compact())
		for parts := c.compact(); parts > 0 && !c.bad; parts-- {
			f.partition = c.i32()
			f.code = c.i16()
			c.take(24) // high watermark, last stable offset, log start
			for aborted := c.compact(); aborted > 0 && !c.bad; aborted-- {
				c.take(16)
				c.tags()
			}
			c.i32() // preferred replica
			f.records = c.take(c.compact())
			c.tags()
			if !c.bad {
				each(&f)
			}
		}
		c.tags()
	}
	c.tags()
	if c.bad {
		return code, fmt.Errorf("%w: Fetch of %d bytes is too short", errMalformed, len(body))
	}
	return code, nil
}
