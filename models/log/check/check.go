package check

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Check looks at path, which is a broker's data directory, a log directory, the
// directory of one partition, or one file of it, and writes a line to w for
// every problem. A file is checked against its siblings where its content refers
// to them. The error is about what could not be read, or a path of which it
// cannot be told what it is.
func Check(path string, w io.Writer) (problems int, err error) {
	return CheckFS(osFiles{}, path, w)
}

// osFiles is the operating system's files under their own paths, which a file
// system of package io/fs does not allow.
type osFiles struct{}

func (osFiles) Open(path string) (fs.File, error) { return os.Open(path) }

// CheckFS is Check for a path in another file system, of simulated devices.
func CheckFS(files fs.FS, path string, w io.Writer) (problems int, err error) {
	c := &checker{files: files, w: w}
	info, err := fs.Stat(files, path)
	if err != nil {
		return 0, err
	}
	if info.IsDir() {
		err = c.dir(filepath.Clean(path))
	} else {
		err = c.single(filepath.Clean(path))
	}
	c.flush()
	if err == nil {
		err = c.werr
	}
	return c.problems, err
}

// dir finds out what kind of directory this is.
func (c *checker) dir(path string) error {
	names, err := c.list(path)
	if err != nil {
		return err
	}
	if _, _, ok := partitionName(filepath.Base(path)); ok {
		return c.partition(path, names)
	}
	logDir := false
	for _, n := range names {
		_, suffix, segment := segmentName(n.Name())
		if segment && suffix == ".log" && !n.IsDir() {
			return c.partition(path, names) // a copy of a partition under another name
		}
		_, _, part := partitionName(n.Name())
		logDir = logDir || n.Name() == metaProperties || part && n.IsDir()
	}
	if logDir {
		return c.logDir(path, names)
	}
	logs := filepath.Join(path, "logs")
	if info, err := fs.Stat(c.files, logs); err == nil && info.IsDir() {
		names, err := c.list(logs)
		if err != nil {
			return err
		}
		return c.logDir(logs, names)
	}
	return fmt.Errorf("%s: neither a data directory (no logs directory in it), nor a log directory (no %s, no partition), nor a partition", path, metaProperties)
}

// single checks one file. An index is checked against the .log beside it,
// whose own problems are not reported.
func (c *checker) single(path string) error {
	dir, name := filepath.Split(path)
	base, suffix, ok := segmentName(name)
	if !ok {
		if check := textFile(name); check != nil {
			return c.text(path, check)
		}
		return fmt.Errorf("%s: not the name of a file that a log directory has", path)
	}
	switch suffix {
	case ".snapshot":
		return c.snapshot(path, base)
	case ".txnindex":
		return c.txnIndex(path)
	}
	if suffix != ".log" {
		if _, err := fs.Stat(c.files, segmentPath(dir, base, ".log")); err != nil {
			c.file(path)
			c.badFile("there is no %s beside it", filepath.Base(segmentPath(dir, base, ".log")))
			return nil
		}
	}
	names, err := c.list(filepath.Clean(dir))
	if err != nil {
		return err
	}
	s := segment{dir: dir, base: base, next: -1, log: suffix == ".log", index: suffix == ".index", times: suffix == ".timeindex"}
	for _, n := range names {
		if b, x, ok := segmentName(n.Name()); ok && x == ".log" && b > base {
			s.sealed = true
		}
	}
	s.gaps = s.sealed && isCompacted(c.files, filepath.Clean(dir))
	return c.segment(&s)
}

// logDir checks a log directory and every partition in it.
func (c *checker) logDir(path string, names []fs.DirEntry) error {
	for _, n := range names {
		full := filepath.Join(path, n.Name())
		if err := c.logDirEntry(full, n); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) logDirEntry(full string, n fs.DirEntry) error {
	name := n.Name()
	if n.IsDir() {
		if _, _, ok := partitionName(name); ok {
			names, err := c.list(full)
			if err != nil {
				return err
			}
			return c.partition(full, names)
		}
		if !goingDir(name) {
			c.file(full)
			c.badFile("a log directory has no directory of this name; want <topic>-<partition>")
		}
		return nil
	}
	switch {
	case name == ".lock":
		return nil
	case logDirText[name] != nil:
		return c.text(full, logDirText[name])
	case logDirText[strings.TrimSuffix(name, ".tmp")] != nil:
		return nil // a checkpoint that a crash kept from replacing the old one
	}
	c.file(full)
	c.badFile("does not belong in a log directory")
	return nil
}

// partition checks the directory of one partition.
func (c *checker) partition(path string, names []fs.DirEntry) error {
	var bases []int64
	has := map[string]bool{}
	for _, n := range names {
		has[n.Name()] = true
		if base, suffix, ok := segmentName(n.Name()); ok && suffix == ".log" && !n.IsDir() {
			bases = append(bases, base) // in order: names have a fixed width
		}
	}
	compacted := isCompacted(c.files, path)
	for i, base := range bases {
		s := segment{dir: path, base: base, next: -1, log: true}
		s.sealed = i < len(bases)-1
		s.gaps = s.sealed && compacted
		if s.sealed {
			s.next = bases[i+1]
		}
		for _, x := range []struct {
			suffix string
			check  *bool
		}{{".index", &s.index}, {".timeindex", &s.times}} {
			p := segmentPath(path, base, x.suffix)
			*x.check = has[filepath.Base(p)]
			if !*x.check && s.sealed {
				c.file(p)
				c.badFile("missing; a sealed segment has one")
			}
		}
		if err := c.segment(&s); err != nil {
			return err
		}
	}
	for _, n := range names {
		if err := c.partitionEntry(path, n, has); err != nil {
			return err
		}
	}
	return nil
}

// partitionEntry checks what is not a segment's .log or its indexes.
func (c *checker) partitionEntry(dir string, n fs.DirEntry, has map[string]bool) error {
	name := n.Name()
	full := filepath.Join(dir, name)
	base, suffix, ok := segmentName(name)
	switch {
	case n.IsDir():
		c.file(full)
		c.badFile("a partition has no directories")
	case ok && suffix == ".snapshot":
		return c.snapshot(full, base)
	case ok && suffix == ".txnindex":
		return c.txnIndex(full)
	case ok && suffix == ".log":
	case ok:
		if log := filepath.Base(segmentPath(dir, base, ".log")); !has[log] {
			c.file(full)
			c.badFile("there is no %s beside it", log)
		}
	case partitionText[name] != nil:
		return c.text(full, partitionText[name])
	case goingFile(name):
	default:
		c.file(full)
		c.badFile("does not belong in a partition's directory")
	}
	return nil
}

func (c *checker) list(path string) ([]fs.DirEntry, error) { return fs.ReadDir(c.files, path) }
