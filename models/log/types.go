package log

import (
	"errors"
	"fmt"
)

// Verdict is what [Log.Prepare] wants done with a batch.
type Verdict uint8

const (
	// Refused: the error code says why; nothing has changed.
	Refused Verdict = iota
	// Duplicate: the producer sent this batch before; Append holds where it is.
	// Answer success once everything below its end is durable.
	Duplicate
	// Write: write the batch at Append.Seg, Append.Pos, then Commit.
	Write
	// RollThenWrite: call Roll first, then as Write.
	RollThenWrite
)

func (v Verdict) String() string {
	switch v {
	case Refused:
		return "refused"
	case Duplicate:
		return "duplicate"
	case Write:
		return "write"
	case RollThenWrite:
		return "roll then write"
	}
	return fmt.Sprintf("verdict %d", uint8(v))
}

// Append is one batch on its way into the log. The caller owns it and may
// reuse it; Prepare overwrites all of it.
type Append struct {
	Base, Last      int64 // first and last offset
	Seg             *Segment
	Pos             int64 // where in Seg, bytes
	Len             int   // bytes
	MaxTsMs         int64 // largest record timestamp
	MaxTsOffset     int64 // offset of the record that has it
	LogAppendTimeMs int64 // -1 when the topic keeps the producers' timestamps
	Duplicate       bool

	nowMs       int64
	producerID  int64
	firstSeq    int32
	lastSeq     int32
	epoch       int16
	leaderEpoch int32
}

// End is the position just behind the batch, which has to become durable
// before the batch is acknowledged. Valid for a committed or duplicate append.
func (a *Append) End() Mark {
	if a.Duplicate {
		return Mark{Offset: a.Last + 1}
	}
	return Mark{Offset: a.Last + 1, SegBase: a.Seg.Base, Pos: a.Pos + int64(a.Len)}
}

// Mark is a position in a log: the offset of the next record and where it goes.
type Mark struct {
	Offset  int64
	SegBase int64 // base of the segment
	Pos     int64 // byte position in it
}

// Extent is a run of whole batches in one segment, of which the last may be cut.
type Extent struct {
	Seg  *Segment
	Pos  int64 // where it starts, bytes
	Len  int   // bytes
	Base int64 // base offset of the first batch
	// First is the length of the first batch, bytes. Less of the extent than that
	// is of no use to a reader.
	First int

	// head is where Find peeks headers: inside the caller's Extent, because
	// memory handed through an interface would otherwise be allocated each time.
	head [headBytes]byte
}

// Peeker reads bytes of segments for Find. It belongs to a shell.
type Peeker interface {
	// Peek copies the bytes at pos into dst, all of them unless an error says
	// otherwise. [ErrCold] means that the bytes are not in memory and the shell
	// will not wait for them here: load [pos, …) and ask again.
	Peek(seg *Segment, pos int64, dst []byte) (n int, err error)
}

// ErrCold is what a Peeker answers when the bytes have to be loaded first.
var ErrCold = errors.New("log: not in memory")

// CodeCold is Find's answer to ErrCold; no code of the protocol.
const CodeCold int16 = -32768

// FilePeeker reads through Segment.File and blocks.
type FilePeeker struct{}

// Peek reads from the segment's file.
func (FilePeeker) Peek(seg *Segment, pos int64, dst []byte) (int, error) {
	return seg.File.ReadAt(dst, pos)
}
