package wire

import "encoding/binary"

// noTags is an empty list of tagged fields.
const noTags = 0

func appendInt16(dst []byte, v int16) []byte { return binary.BigEndian.AppendUint16(dst, uint16(v)) }

func appendInt32(dst []byte, v int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(v)) }

func appendInt64(dst []byte, v int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(v)) }

func appendUvarint(dst []byte, v uint32) []byte {
	return binary.AppendUvarint(dst, uint64(v))
}

// appendCount is the length of an array.
func appendCount(dst []byte, flexible bool, n int) []byte {
	if flexible {
		return appendUvarint(dst, uint32(n)+1)
	}
	return appendInt32(dst, int32(n))
}

func appendString[S ~string | ~[]byte](dst []byte, flexible bool, s S) []byte {
	if flexible {
		dst = appendUvarint(dst, uint32(len(s))+1)
	} else {
		dst = appendInt16(dst, int16(len(s)))
	}
	return append(dst, s...)
}

// appendMessage writes a nullable string, which is null when empty.
func appendMessage(dst []byte, flexible bool, s string) []byte {
	switch {
	case s != "":
		return appendString(dst, flexible, s)
	case flexible:
		return append(dst, 0)
	}
	return appendInt16(dst, -1)
}

// Node is an address that a response names.
type Node struct {
	ID   int32
	Host string
	Port int32
	Rack string // empty is null
}

// appendNodes writes tagged field 0 of Produce and Fetch responses, where to go
// instead (KIP-951), as the whole list of tagged fields.
func appendNodes(dst []byte, nodes []Node) []byte {
	if len(nodes) == 0 {
		return append(dst, noTags)
	}
	size := uvarintLen(uint32(len(nodes)) + 1)
	for i := range nodes {
		size += nodeLen(&nodes[i])
	}
	dst = append(dst, 1, 0)
	dst = appendUvarint(dst, uint32(size))
	dst = appendCount(dst, true, len(nodes))
	for i := range nodes {
		n := &nodes[i]
		dst = appendInt32(dst, n.ID)
		dst = appendString(dst, true, n.Host)
		dst = appendInt32(dst, n.Port)
		dst = appendMessage(dst, true, n.Rack)
		dst = append(dst, noTags)
	}
	return dst
}

func nodeLen(n *Node) int {
	rack := 1
	if n.Rack != "" {
		rack = uvarintLen(uint32(len(n.Rack))+1) + len(n.Rack)
	}
	return 4 + uvarintLen(uint32(len(n.Host))+1) + len(n.Host) + 4 + rack + 1
}

func uvarintLen(v uint32) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// appendLeader writes a leader and its epoch as a tagged field.
func appendLeader(dst []byte, tag byte, leader, epoch int32) []byte {
	dst = append(dst, tag, 9)
	dst = appendInt32(dst, leader)
	dst = appendInt32(dst, epoch)
	return append(dst, noTags)
}
