package check

import (
	"encoding/binary"
	"hash/crc32"
	"io"
)

// maxSnapshotBytes bounds what is read of a producer snapshot: over a million
// producers.
const maxSnapshotBytes = 64 << 20

// snapshot checks the state of producers below the offset that the file is
// named by.
func (c *checker) snapshot(path string, offset int64) error {
	const headBytes, entryBytes, crcEnd = 10, 46, 6
	b, err := c.readUpTo(path, maxSnapshotBytes)
	if err != nil {
		return err
	}
	c.file(path)
	if len(b) < headBytes {
		c.bad(0, "%d bytes, a snapshot has at least %d", len(b), headBytes)
		return nil
	}
	if v := binary.BigEndian.Uint16(b); v != 1 {
		c.bad(0, "version is %d, want 1", v)
		return nil
	}
	sum, want := crc32.Checksum(b[crcEnd:], crc32.MakeTable(crc32.Castagnoli)), binary.BigEndian.Uint32(b[2:])
	if sum != want {
		c.bad(2, "CRC-32C of the content is %08x, the file says %08x", sum, want)
		return nil
	}
	n := int64(int32(binary.BigEndian.Uint32(b[crcEnd:])))
	if size := headBytes + n*entryBytes; n < 0 || size != int64(len(b)) {
		c.bad(crcEnd, "%d entries would be %d bytes, the file has %d", n, size, len(b))
		return nil
	}
	for at := headBytes; at < len(b); at += entryBytes {
		x := b[at:]
		id, epoch := int64(binary.BigEndian.Uint64(x)), int16(binary.BigEndian.Uint16(x[8:]))
		last := int64(binary.BigEndian.Uint64(x[14:]))
		if id < 0 || epoch < -1 {
			c.bad(int64(at), "producer id %d with epoch %d; neither may be negative", id, epoch)
		}
		if last >= offset {
			c.bad(int64(at), "last offset %d of producer %d is not below the snapshot's offset %d", last, id, offset)
		}
	}
	return nil
}

// txnIndex checks a list of aborted transactions.
func (c *checker) txnIndex(path string) error {
	const entryBytes = 34
	b, err := c.readUpTo(path, maxIndexBytes)
	if err != nil {
		return err
	}
	c.file(path)
	whole := len(b) / entryBytes * entryBytes
	for at := 0; at < whole; at += entryBytes {
		x := b[at:]
		if v := int16(binary.BigEndian.Uint16(x)); v != 0 {
			c.bad(int64(at), "version is %d, want 0", v)
			continue
		}
		first, last := int64(binary.BigEndian.Uint64(x[10:])), int64(binary.BigEndian.Uint64(x[18:]))
		if first < 0 || first > last {
			c.bad(int64(at), "aborted transaction from offset %d to %d", first, last)
		}
	}
	if len(b) != whole {
		c.bad(int64(whole), "%d bytes follow the last entry; want entries of %d", len(b)-whole, entryBytes)
	}
	return nil
}

// readUpTo reads at most limit bytes of a file; the checks notice what is missing.
func (c *checker) readUpTo(path string, limit int64) ([]byte, error) {
	f, err := c.files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}
