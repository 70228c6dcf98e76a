package staging

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
)

// Dir is the directory of staging files below a data directory, beside the logs
// and never among them.
func Dir(data string) string { return filepath.Join(data, "staging") }

// Path is the staging file of a shard.
func Path(data string, shard int) string {
	return filepath.Join(Dir(data), fmt.Sprintf("shard-%03d", shard))
}

// Sizes of the format's parts, bytes.
const (
	fileHeaderBytes = 4096
	slotHeaderBytes = 128
	pageBytes       = 4096
	minChunkBytes   = 16 << 10
	maxChunkBytes   = 1 << 30
	maxSlots        = 1 << 24
)

// Layout is how a staging file is divided.
type Layout struct {
	ChunkBytes int // a power of two
	Slots      int
}

// Bytes is the size of a file of this layout.
func (l Layout) Bytes() int64 { return l.chunkAt(l.Slots) }

// headerAt is where the header of a slot lies.
func (l Layout) headerAt(slot int) int64 { return fileHeaderBytes + int64(slot)*slotHeaderBytes }

// chunkAt is where the chunk of a slot lies, on a page of its own.
func (l Layout) chunkAt(slot int) int64 {
	headers := (int64(l.Slots)*slotHeaderBytes + pageBytes - 1) &^ (pageBytes - 1)
	return fileHeaderBytes + headers + int64(slot)*int64(l.ChunkBytes)
}

// Header is the header of a slot in a mapped file.
func (l Layout) Header(file []byte, slot int) []byte {
	at := l.headerAt(slot)
	return file[at : at+slotHeaderBytes : at+slotHeaderBytes]
}

// Chunk is the chunk of a slot in a mapped file.
func (l Layout) Chunk(file []byte, slot int) []byte {
	at, n := l.chunkAt(slot), int64(l.ChunkBytes)
	return file[at : at+n : at+n]
}

func (l Layout) valid() bool {
	return l.ChunkBytes >= minChunkBytes && l.ChunkBytes <= maxChunkBytes && l.ChunkBytes&(l.ChunkBytes-1) == 0 &&
		l.Slots > 0 && l.Slots <= maxSlots
}

const fileMagic = "ceteris staging 1\n"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The file header: magic, chunk size, slots, the machine's boot id, checksum.
const (
	fileChunkAt = 32
	fileSlotsAt = 36
	fileBootAt  = 40
	fileSumAt   = 80
)

// PutFile writes the header of a file. boot is at most 40 bytes.
func PutFile(b []byte, l Layout, boot string) {
	copy(b, fileMagic)
	binary.LittleEndian.PutUint32(b[fileChunkAt:], uint32(l.ChunkBytes))
	binary.LittleEndian.PutUint32(b[fileSlotsAt:], uint32(l.Slots))
	copy(b[fileBootAt:fileSumAt], boot)
	binary.LittleEndian.PutUint32(b[fileSumAt:], crc32.Checksum(b[:fileSumAt], castagnoli))
}

// errFile is what ParseFile says of bytes that are no file header, such as those
// of a file whose making was cut short.
var errFile = errors.New("no header of a staging file")

// ParseFile reads the header of a file.
func ParseFile(b []byte) (l Layout, boot string, err error) {
	if len(b) < fileSumAt+4 || string(b[:len(fileMagic)]) != fileMagic ||
		binary.LittleEndian.Uint32(b[fileSumAt:]) != crc32.Checksum(b[:fileSumAt], castagnoli) {
		return l, "", errFile
	}
	l.ChunkBytes = int(binary.LittleEndian.Uint32(b[fileChunkAt:]))
	l.Slots = int(binary.LittleEndian.Uint32(b[fileSlotsAt:]))
	if !l.valid() {
		return l, "", fmt.Errorf("a staging file of %d chunks of %d bytes", l.Slots, l.ChunkBytes)
	}
	return l, strings.TrimRight(string(b[fileBootAt:fileSumAt]), "\x00"), nil
}

// BootID names the present start of the machine, "" where the kernel does not
// tell.
func BootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
