package check

import (
	"fmt"
	"io"
	"io/fs"

	"github.com/ceteris/ceteris/models/batch"
)

// maxPerFile bounds the lines about one file: a file of noise would print
// millions, and the first ones tell all there is to know.
const maxPerFile = 100

// checker carries what a run over many files shares.
type checker struct {
	files    fs.FS
	w        io.Writer
	werr     error
	problems int
	path     string // of the file that lines are about
	inFile   int
	v        batch.Validator
	buf      []byte
}

// file starts the report about another file.
func (c *checker) file(path string) {
	c.flush()
	c.path = path
}

// flush says how many problems of the current file were not printed.
func (c *checker) flush() {
	if more := c.inFile - maxPerFile; more > 0 {
		c.print("%s: %d more problems\n", c.path, more)
	}
	c.inFile = 0
}

// bad reports a problem of the current file at a byte position.
func (c *checker) bad(at int64, format string, args ...any) {
	c.line(fmt.Sprintf("byte %d: ", at), format, args...)
}

// badLine reports a problem at a line of a text file, counted from 1.
func (c *checker) badLine(n int, format string, args ...any) {
	c.line(fmt.Sprintf("line %d: ", n), format, args...)
}

// badFile reports a problem of the current file or directory as a whole.
func (c *checker) badFile(format string, args ...any) { c.line("", format, args...) }

func (c *checker) line(where, format string, args ...any) {
	c.problems++
	c.inFile++
	if c.inFile <= maxPerFile {
		c.print("%s: %s%s\n", c.path, where, fmt.Sprintf(format, args...))
	}
}

func (c *checker) print(format string, args ...any) {
	if _, err := fmt.Fprintf(c.w, format, args...); err != nil && c.werr == nil {
		c.werr = err
	}
}
