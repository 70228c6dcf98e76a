package disk

import "slices"

// crashBlock is the unit in which a torn write reaches the device, bytes.
const crashBlock = 512

// Kill is what a new process finds after kill -9: everything written, synced or
// not, and no lock. The copy shares nothing with m and has neither faults nor a
// bound.
func (m *Mem) Kill() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.copied(true, nil)
}

// Crash is what is found after a loss of power in the worst case: nothing that
// was not synced, neither contents nor names.
func (m *Mem) Crash() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.copied(false, func() bool { return false })
}

// CrashTorn is a loss of power that finds the device half way: keep decides for
// every unsynced 512-byte block, truncation and name whether it got there.
func (m *Mem) CrashTorn(keep func() bool) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.copied(false, keep)
}

func (m *Mem) copied(everything bool, keep func() bool) *Mem {
	c := NewMem()
	seen := map[*memFile]*memFile{}
	var copyDir func(d *memDir) *memDir
	copyNode := func(n node) node {
		switch n := n.(type) {
		case *memDir:
			return copyDir(n)
		case *memFile:
			if seen[n] == nil {
				seen[n] = n.after(everything, keep)
				c.used += int64(len(seen[n].data))
			}
			return seen[n]
		}
		return nil
	}
	dirs := map[*memDir]*memDir{}
	copyDir = func(d *memDir) *memDir {
		if dirs[d] != nil {
			return dirs[d]
		}
		out := newMemDir()
		dirs[d] = out
		if everything {
			for _, name := range sorted(d.live) {
				out.live[name] = copyNode(d.live[name])
			}
			for _, name := range sorted(d.durable) {
				out.durable[name] = copyNode(d.durable[name])
			}
			return out
		}
		for _, name := range d.survivors(keep) {
			n := d.durable[name]
			if n == nil || d.live[name] != nil && d.live[name] != n && keep() {
				n = d.live[name]
			}
			out.live[name] = copyNode(n)
			out.durable[name] = out.live[name]
		}
		return out
	}
	c.root = copyDir(m.root)
	return c
}

// survivors are the names that are there after a crash, in a fixed order so that
// a seeded keep gives the same crash again.
func (d *memDir) survivors(keep func() bool) []string {
	names := sorted(d.live)
	for name := range d.durable {
		if d.live[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.DeleteFunc(names, func(name string) bool {
		live, durable := d.live[name] != nil, d.durable[name] != nil
		return live != durable && keep() != live
	})
}

func sorted(m map[string]node) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// after is the file as a crash leaves it.
func (f *memFile) after(everything bool, keep func() bool) *memFile {
	if everything {
		return &memFile{data: slices.Clone(f.data), synced: slices.Clone(f.synced), pending: slices.Clone(f.pending)}
	}
	b := slices.Clone(f.synced)
	for _, c := range f.pending {
		if c.data == nil {
			if keep() {
				b = c.apply(b)
			}
			continue
		}
		for at := 0; at < len(c.data); {
			off := c.off + int64(at)
			n := min(len(c.data)-at, int(crashBlock-off%crashBlock))
			if keep() {
				b = change{off, c.data[at : at+n]}.apply(b)
			}
			at += n
		}
	}
	return &memFile{data: b, synced: slices.Clone(b)}
}

// apply makes the change to b and returns b, which may have moved.
func (c change) apply(b []byte) []byte {
	end := c.off + int64(len(c.data))
	if c.data == nil && end < int64(len(b)) {
		return b[:end]
	}
	if grow := end - int64(len(b)); grow > 0 {
		b = append(b, make([]byte, grow)...)
	}
	copy(b[c.off:], c.data)
	return b
}
