package tpc

import (
	"fmt"
	"os"
	"path"

	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/staging"
)

// simMaps are the mapped files of a world. Their pages are the kernel's: the end
// of the process leaves them to the file, the loss of power does not.
type simMaps struct {
	w   *world
	mem *disk.Mem
}

// simMap is a mapped file. Its memory is an arena's, for the sake of alignment.
type simMap struct {
	path string
	size int64
	mem  *arena.Arena
}

func (m simMaps) Map(file string, size int64) ([]byte, error) {
	if err := m.mem.MkdirAll(path.Dir(file)); err != nil {
		return nil, err
	}
	if _, err := m.mem.Open(file, os.O_RDWR|os.O_CREATE|os.O_TRUNC); err != nil {
		return nil, err
	}
	mem, err := arena.New(arena.Options{Bytes: max(size, 256<<10)})
	if err != nil {
		return nil, err
	}
	m.w.maps = append(m.w.maps, simMap{file, size, mem})
	return mem.Region()[:size], nil
}

// Unmap leaves the memory to forgetMaps: what is in it is still to be looked at.
func (m simMaps) Unmap([]byte) error { return nil }

func (m simMaps) Remove(file string) error { return m.mem.Remove(file) }

// keepMaps writes what is mapped to the files of disk, if they are there.
func (w *world) keepMaps(disk *disk.Mem) {
	for _, m := range w.maps {
		if _, err := disk.Stat(m.path); err == nil {
			w.overwrite(disk, m.path, m.mem.Region()[:m.size])
		}
	}
}

// forgetMaps ends every mapping.
func (w *world) forgetMaps() {
	for _, m := range w.maps {
		if err := m.mem.Close(); err != nil {
			w.fail("mapping of %s: %v", m.path, err)
		}
	}
	w.maps = nil
}

// ageMaps makes staging files those of an earlier start of the machine.
func (w *world) ageMaps(disk *disk.Mem) {
	dir := staging.Dir("/data")
	names, _ := disk.ReadDir(dir)
	for _, name := range names {
		head := make([]byte, 4096)
		staging.PutFile(head, staging.Layout{ChunkBytes: 16 << 10, Slots: 1}, fmt.Sprint("start ", w.step))
		w.overwrite(disk, path.Join(dir, name), head)
	}
}

func (w *world) overwrite(disk *disk.Mem, file string, b []byte) {
	f, err := disk.Open(file, os.O_RDWR)
	if err == nil {
		_, err = f.WriteAt(b, 0)
	}
	if err != nil {
		w.fail("%v", err)
	}
}
