package disk

// Ahead decides how much of a growing file is prepared before its end, and how,
// so that a write changes neither the file's size nor the places of its blocks:
//
//	│ written │ prepared │ … what Next adds
//	         end      prepared
//
// A log that nobody writes to gets nothing: the first bytes extend the file, then
// the steps double, so that a busy log never extends its file again and what is
// prepared stays in proportion to what was written. Whoever owns the file does the
// I/O, in its own way: reserve the blocks ([Direct.Reserve]), then overwrite them
// with zeros if Next says so.
//
// The zero Ahead prepares nothing.
type Ahead struct {
	first, most int64 // bytes
	step        int64 // the next one, bytes; 0 when there is none any more
	written     int64 // bytes since the file was opened
	perWrite    int64 // what a write carries of late, bytes
}

// FirstAhead is how much a log grows by extending its file, and then the first
// step, bytes. Every log that is ever written to pays the former, so it is small:
// at most four of its writes take the detour over a kernel worker.
const FirstAhead = 16 << 10

// rolledAhead bounds the first step in a file that follows another: what the log
// has grown to there counts, but the next one may not come soon.
const rolledAhead = 256 << 10

// reserveOnly is the size from which writes go without zeros before them. A write
// to blocks that are only reserved has the file system note that they are used,
// whatever its length; zeros cost the device as much again as the write. One write
// of 64 KiB at a time took 91 µs so and 61 µs over zeros, one of 256 KiB 117 and
// 93 µs; a MiB of them, zeros included, 1.6 ms in both ways, and 0.6 against
// 1.1 ms (one round of three, ext4).
const reserveOnly = 128 << 10

// NewAhead begins with steps of first bytes and goes on to most.
func NewAhead(first, most int64) Ahead { return Ahead{first: first, most: most, step: first} }

// Follow is the Ahead of the file that comes after this one.
func (a *Ahead) Follow() Ahead {
	next := *a
	next.step = max(a.first, min(a.step, rolledAhead))
	return next
}

// Wrote notes a write that carried n bytes, of which fresh were new to the file.
func (a *Ahead) Wrote(n, fresh int64) {
	a.written += fresh
	a.perWrite += (n - a.perWrite) / 4
}

// Next is the range to prepare now, n being 0 when none is due: little is left
// between end and prepared, and the file is to grow to limit at least. zeros says
// whether reserving it is not enough.
func (a *Ahead) Next(end, prepared, limit int64) (from, n int64, zeros bool) {
	if a.step == 0 || a.written < a.first || prepared-end >= a.step/2 || prepared >= limit {
		return 0, 0, false
	}
	zeros = a.perWrite < reserveOnly
	if !zeros { // steps smaller than a write would come too late
		a.step = max(a.step, min(4*a.perWrite, a.most))
	}
	from = max(prepared, (end+Align-1)&^(Align-1))
	n = (min(a.step, max(limit-from, Align)) + Align - 1) &^ (Align - 1)
	a.step = min(2*a.step, a.most)
	return from, n, zeros
}

// Stop prepares nothing any more. What could not be prepared is no error yet (a
// full disk, say): the write that needs the space will say so, and trying again
// and again would not make any.
func (a *Ahead) Stop() { a.step = 0 }

// Stopped reports whether Stop was called.
func (a *Ahead) Stopped() bool { return a.step == 0 }
