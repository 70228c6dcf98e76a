package api

import (
	"fmt"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/wire"
)

// fetchOutput is how far the answer has come.
type fetchOutput struct {
	part int // that is next

	left  int  // settling: of MaxBytes; encoding: of the topic's parts
	first bool // settling: nothing has bytes yet
	said  int  // the last part that responds, -1: none
	head  int  // bound of the head's length

	writing bool   // the head
	run     int    // topics begun
	moved   bool   // a part says where the leader is
	b       []byte // the head as written
	cut     int    // of its cuts, those that are hung
	from    int    // what of the head is not hung yet
}

// Join answers the request: [Fetch.Settle], then [Fetch.Encode].
func (op *Fetch) Join(ses *Sessions, corr int32, head []byte, out *iobuf.Chain) []byte {
	op.Settle(ses)
	return op.Encode(corr, head, out)
}

// Settle trims the extents to MaxBytes, in order, and lets the session say which
// partitions are worth mentioning. It touches the session cache, and nothing
// after it does, so a pool holds its lock over Split and Settle only.
func (op *Fetch) Settle(ses *Sessions) {
	op.BeginSettle(ses)
	for op.SettleSome(ses, allAtOnce) {
	}
}

// BeginSettle begins to settle; all parts are applied.
func (op *Fetch) BeginSettle(ses *Sessions) {
	op.put = fetchOutput{left: int(op.MaxBytes), first: true, said: -1, head: op.fixedBytes()}
	op.runs = op.runs[:0]
	op.session.begin(ses, op)
}

// SettleSome settles at most n parts and tells whether there are more.
func (op *Fetch) SettleSome(ses *Sessions, n int) (more bool) {
	put := &op.put
	if op.code = op.session.overtaken(op.code); op.code != 0 {
		op.runs = op.runs[:0] // the answer mentions no partition
		return false
	}
	plain := op.session.fresh == nil && op.session.with == nil
	for ; n > 0 && put.part < len(op.Parts); n-- {
		fp := &op.Parts[put.part]
		put.trim(fp)
		if fp.respond = plain || op.session.mention(fp); fp.respond {
			if put.said < 0 || !op.sameTopic(put.said, put.part) {
				op.runs = append(op.runs, 0)
				put.head += wire.FetchTopicBytes + len(fp.name)
			}
			op.runs[len(op.runs)-1]++
			put.said = put.part
			put.head += wire.FetchPartBytes
		}
		put.part++
	}
	if put.part < len(op.Parts) {
		return true
	}
	op.session.end(ses)
	return false
}

// Bytes is how many bytes of records the answer will have if they are not
// withheld, once all parts are applied.
func (op *Fetch) Bytes() (n int) {
	put := fetchOutput{left: int(op.MaxBytes), first: true}
	for i := range op.Parts {
		put.trim(&op.Parts[i])
		n += op.Parts[i].bytes
	}
	return n
}

// Withhold answers the request without the records that were read, for a client
// that has had too many: all else is told. Before Settle.
func (op *Fetch) Withhold() {
	for i := range op.Parts {
		op.Parts[i].Extent.Len = 0
	}
}

// trim gives a part the bytes that it would have got if the parts had been read
// one after the other, whatever the order in which they were.
func (put *fetchOutput) trim(fp *FetchPart) {
	fp.bytes = 0
	if fp.Err != 0 || fp.Extent.Len == 0 {
		return
	}
	fp.bytes = fp.Extent.Len
	if !put.first {
		fp.bytes = fp.within(put.left)
	}
	put.first = put.first && fp.bytes == 0
	put.left = max(put.left-fp.bytes, 0)
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

// HeadBytes bounds the length of the response without records: from Split on
// that of any, from Settle on that of the one that was settled. A head with this
// capacity is never moved.
func (op *Fetch) HeadBytes() int {
	if op.put.head > 0 {
		return op.put.head
	}
	return op.fixedBytes() + op.in.head
}

func (op *Fetch) fixedBytes() int {
	n := wire.FetchFixedBytes
	for i := range op.Env.Nodes {
		n += 32 + len(op.Env.Nodes[i].Host) + len(op.Env.Nodes[i].Rack)
	}
	return n
}

// Encode writes the response into out: pieces of head, which the caller keeps
// until the chain is sent, and between them the parts' data, which the chain
// takes over. It returns head as written; its old content is overwritten.
func (op *Fetch) Encode(corr int32, head []byte, out *iobuf.Chain) []byte {
	op.BeginEncode(corr, head)
	for op.EncodeSome(out, allAtOnce) {
	}
	return op.put.b
}

// BeginEncode begins to encode into head.
func (op *Fetch) BeginEncode(corr int32, head []byte) {
	op.put.part, op.put.run, op.put.left, op.put.b = 0, 0, 0, nil
	op.cuts = op.cuts[:0]
	op.out.ThrottleMs = op.ThrottleMs
	op.out.Begin(head[:0], op.Version, corr, op.code, op.session.id, len(op.runs))
	op.put.writing = true
}

// EncodeSome is Encode for at most n parts; it tells whether there are more. The
// head is written when all parts have been passed once, and given to out with
// their data when they have been passed again.
func (op *Fetch) EncodeSome(out *iobuf.Chain, n int) (more bool) {
	put := &op.put
	end := len(op.Parts)
	if len(op.runs) == 0 {
		end = 0
	}
	for ; put.writing && n > 0; n-- {
		if put.part >= end {
			op.endHead()
			continue
		}
		op.write(&op.Parts[put.part])
		put.part++
	}
	for ; n > 0 && put.part < end; n-- {
		op.hang(&op.Parts[put.part], out)
		put.part++
	}
	if put.writing || put.part < end {
		return true
	}
	out.AppendBytes(put.b[put.from:])
	return false
}

// write puts a part into the head.
func (op *Fetch) write(fp *FetchPart) {
	put := &op.put
	if !fp.respond {
		return
	}
	if put.left == 0 {
		put.left = op.runs[put.run]
		put.run++
		op.out.Topic(fp.name, fp.id, put.left)
	}
	put.left--
	op.cuts = append(op.cuts, op.part(fp))
	put.moved = put.moved || fp.Err == codeNotLeader
}

func (op *Fetch) endHead() {
	var nodes []wire.Node
	if op.put.moved {
		nodes = op.Env.Nodes
	}
	op.put.b = op.out.End(nodes)
	op.put.part, op.put.cut, op.put.from, op.put.writing = 0, 0, 0, false
}

// hang puts what the head has up to a part's records, and those, into out.
func (op *Fetch) hang(fp *FetchPart, out *iobuf.Chain) {
	if !fp.respond {
		return
	}
	put := &op.put
	at := op.cuts[put.cut]
	put.cut++
	if fp.bytes == 0 {
		return
	}
	out.AppendBytes(put.b[put.from:at])
	put.from = at
	fp.give(out)
}

func (op *Fetch) part(fp *FetchPart) (at int) {
	return op.out.Part(&wire.FetchResult{
		Index: fp.Index, Code: fp.Err, HighWatermark: fp.HW, LastStable: fp.LSO, LogStart: fp.LogStart,
		Committed: op.ReadCommitted && fp.Err == 0, RecordBytes: fp.bytes,
		DivergingEpoch: fp.DivergingEpoch, DivergingEnd: fp.DivergingEnd,
		Leader: fp.leader, LeaderEpoch: fp.leaderEpoch,
	})
}

func (op *Fetch) sameTopic(i, j int) bool {
	a, b := &op.Parts[i], &op.Parts[j]
	if op.Version >= 13 {
		return a.id == b.id
	}
	return string(a.name) == string(b.name)
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
