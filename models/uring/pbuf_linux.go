package uring

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// BufRing is a ring of buffers from which the kernel takes one at the moment
// data arrives, so that idle sockets hold none.
type BufRing struct {
	r     *Ring
	mem   []byte
	bufs  []pbuf
	tail  uint16
	group uint16
}

// NewBufRing registers an empty ring of buffers; entries is a power of two up
// to 32768.
func (r *Ring) NewBufRing(entries, group uint16) (*BufRing, error) {
	if entries == 0 || entries > 1<<15 || entries&(entries-1) != 0 {
		return nil, fmt.Errorf("uring: buffer ring of %d entries: want a power of two up to 32768", entries)
	}
	mem, err := unix.Mmap(-1, 0, int(entries)*int(unsafe.Sizeof(pbuf{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("uring: map buffer ring: %w", err)
	}
	reg := &pbufReg{addr: uint64(uintptr(unsafe.Pointer(&mem[0]))), entries: uint32(entries), group: group}
	if err := r.register(registerPbufRing, unsafe.Pointer(reg), 1); err != nil {
		_ = unix.Munmap(mem) // mapped above
		return nil, fmt.Errorf("uring: register buffer ring: %w", err)
	}
	return &BufRing{r: r, mem: mem, bufs: unsafe.Slice((*pbuf)(unsafe.Pointer(&mem[0])), entries), group: group}, nil
}

// Group is what RecvMultishot is given.
func (b *BufRing) Group() uint16 { return b.group }

// Add offers a buffer under an id of the caller's choice; the kernel sees it
// after Publish. Never offer more buffers than the ring has entries.
func (b *BufRing) Add(mem []byte, id uint16) {
	e := &b.bufs[b.tail&uint16(len(b.bufs)-1)]
	e.addr, e.len = address(mem)
	e.id = id
	b.tail++
}

// Publish makes the added buffers the kernel's.
func (b *BufRing) Publish() {
	// The tail shares a 32-bit word with the first entry's id, which only we
	// write; storing both gives the 16-bit tail its atomic release. Both
	// architectures are little-endian.
	first := &b.bufs[0]
	word := (*uint32)(unsafe.Pointer(&first.id))
	atomic.StoreUint32(word, uint32(first.id)|uint32(b.tail)<<16)
}

// Close unregisters the ring; the buffers in it are the caller's again.
func (b *BufRing) Close() {
	_ = b.r.register(unregisterPbufRing, unsafe.Pointer(&pbufReg{group: b.group}), 1) // fails only when not registered
	_ = unix.Munmap(b.mem)                                                            // mapped by NewBufRing
	b.mem, b.bufs = nil, nil
}
