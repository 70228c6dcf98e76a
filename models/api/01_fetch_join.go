package api

import (
	"fmt"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/wire"
)

// Join answers the request: [Fetch.Settle], then [Fetch.Encode].
func (op *Fetch) Join(ses *Sessions, corr int32, head []byte, out *iobuf.Chain) []byte {
	op.Settle(ses)
	return op.Encode(corr, head, out)
}

// Settle trims the extents to MaxBytes, in order, and lets the session say which
// partitions are worth mentioning. It touches the session cache, and nothing
// after it does, so a pool holds its lock over Split and Settle only.
func (op *Fetch) Settle(ses *Sessions) {
	op.trim()
	if op.code != 0 {
		return
	}
	if op.code = op.session.settle(ses, op); op.code != 0 {
		for i := range op.Parts {
			op.Parts[i].respond = false
		}
	}
}

// Bytes is how much was read, of all parts.
func (op *Fetch) Bytes() (n int) {
	for i := range op.Parts {
		if fp := &op.Parts[i]; fp.Err == 0 {
			n += fp.Extent.Len
		}
	}
	return n
}

// Withhold answers the request without the records that were read, for a client
// that has had too many: all else is told. Before Settle, and before the parts
// have data.
func (op *Fetch) Withhold() {
	for i := range op.Parts {
		op.Parts[i].Extent.Len = 0
	}
}

// trim gives each part the bytes that it would have got if the parts had been
// read one after the other, whatever the order in which they were.
func (op *Fetch) trim() {
	left, first := int(op.MaxBytes), true
	for i := range op.Parts {
		fp := &op.Parts[i]
		fp.bytes, fp.respond = 0, true
		if fp.Err != 0 || fp.Extent.Len == 0 {
			continue
		}
		fp.bytes = fp.Extent.Len
		if !first {
			fp.bytes = fp.within(left)
		}
		first = first && fp.bytes == 0
		left = max(left-fp.bytes, 0)
	}
}

// within is how much of the extent fits what is left, without a first batch that
// is cut. An extent above MaxBytes is one batch that minOne let through.
func (fp *FetchPart) within(left int) int {
	n := min(fp.Extent.Len, left)
	if fp.Extent.Len > int(fp.MaxBytes) || n < fp.Extent.First {
		return 0
	}
	return n
}

// HeadBytes bounds the length of the response without records. Valid after
// Split; a head with this capacity is never moved.
func (op *Fetch) HeadBytes() int {
	n := wire.FetchFixedBytes
	for i := range op.Parts {
		n += wire.FetchPartBytes + wire.FetchTopicBytes + len(op.Parts[i].name)
	}
	for i := range op.Env.Nodes {
		n += 32 + len(op.Env.Nodes[i].Host) + len(op.Env.Nodes[i].Rack)
	}
	return n
}

// Encode writes the response into out: pieces of head, which the caller keeps
// until the chain is sent, and between them the parts' data, which the chain
// takes over. It returns head as written; its old content is overwritten.
func (op *Fetch) Encode(corr int32, head []byte, out *iobuf.Chain) []byte {
	op.out.ThrottleMs = op.ThrottleMs
	op.out.Begin(head[:0], op.Version, corr, op.code, op.session.id, op.topicCount())
	op.cuts = op.cuts[:0]
	moved := false
	for i := 0; i < len(op.Parts); {
		if !op.Parts[i].respond {
			i++
			continue
		}
		next, parts := op.run(i)
		op.out.Topic(op.Parts[i].name, op.Parts[i].id, parts)
		for ; i < next; i++ {
			if fp := &op.Parts[i]; fp.respond {
				op.cuts = append(op.cuts, op.part(fp))
				moved = moved || fp.Err == codeNotLeader
			}
		}
	}
	var nodes []wire.Node
	if moved {
		nodes = op.Env.Nodes
	}
	head = op.out.End(nodes)
	op.hang(head, out)
	return head
}

func (op *Fetch) part(fp *FetchPart) (at int) {
	return op.out.Part(&wire.FetchResult{
		Index: fp.Index, Code: fp.Err, HighWatermark: fp.HW, LastStable: fp.LSO, LogStart: fp.LogStart,
		Committed: op.ReadCommitted && fp.Err == 0, RecordBytes: fp.bytes,
		DivergingEpoch: fp.DivergingEpoch, DivergingEnd: fp.DivergingEnd,
		Leader: fp.leader, LeaderEpoch: fp.leaderEpoch,
	})
}

// run is the extent of successive responding parts of one topic that starts at
// part i: where the next topic starts, and how many of the parts respond.
func (op *Fetch) run(i int) (next, parts int) {
	for next = i; next < len(op.Parts); next++ {
		if !op.Parts[next].respond {
			continue
		}
		if !op.sameTopic(i, next) {
			break
		}
		parts++
	}
	return next, parts
}

func (op *Fetch) sameTopic(i, j int) bool {
	a, b := &op.Parts[i], &op.Parts[j]
	if op.Version >= 13 {
		return a.id == b.id
	}
	return string(a.name) == string(b.name)
}

func (op *Fetch) topicCount() (n int) {
	for i := 0; i < len(op.Parts); {
		if !op.Parts[i].respond {
			i++
			continue
		}
		i, _ = op.run(i)
		n++
	}
	return n
}

// hang puts head and data into out in the order in which they are sent.
func (op *Fetch) hang(head []byte, out *iobuf.Chain) {
	from, cut := 0, 0
	for i := range op.Parts {
		fp := &op.Parts[i]
		if !fp.respond {
			continue
		}
		at := op.cuts[cut]
		cut++
		if fp.bytes == 0 {
			continue
		}
		out.AppendBytes(head[from:at])
		from = at
		fp.give(out)
	}
	out.AppendBytes(head[from:])
}

// give moves the first bytes of Data into out. What is left stays for Reset.
func (fp *FetchPart) give(out *iobuf.Chain) {
	need := fp.bytes
	for i := range fp.Data {
		piece := fp.Data[i]
		if need == 0 {
			break
		}
		if piece.Len > need {
			piece.Len = need
			if piece.B != nil {
				piece.B = piece.B[:need]
			}
		}
		need -= piece.Len
		out.Append(piece)
		fp.Data[i] = iobuf.Piece{}
	}
	if need != 0 {
		panic(fmt.Sprintf("api: fetch data of %s: got %d bytes, want %d", fp, fp.bytes-need, fp.bytes))
	}
}
