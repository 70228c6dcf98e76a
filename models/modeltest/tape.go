package modeltest

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// answerLimit is when a test gives up on an answer that should come at once.
const answerLimit = 20 * time.Second

// maxResponseBytes bounds a response frame: no script asks for more.
const maxResponseBytes = 64 << 20

// Line is one thing that a broker said.
type Line struct {
	What   string
	Answer []byte // the frame without its size, or how the connection ended
	Apart  bool   // it depends on who leads what: not compared with another
}

// Tape is one run of a script. Everything that is answered is recorded.
type Tape struct {
	T     testing.TB
	Addr  string
	Lines []Line
	// Direct has requests go to the leaders of what they name.
	Direct bool

	conns    []*Conn
	apart    bool             // what is asked depends on who leads what
	asker    net.Conn         // where Direct asks who leads
	sessions map[int32]string // address of the broker that has a fetch session
	numbers  map[int32]int    // of fetch sessions, in the order in which they were met
}

// Conn is one connection of a tape.
type Conn struct {
	tape   *Tape
	name   string
	net    net.Conn
	others map[string]net.Conn // to further leaders, by address
	corr   int32
	asked  []question // sent and not answered
}

type question struct {
	what string
	corr int32
	req  kmsg.Request // nil when the frame was raw
	legs []leg
}

// Dial opens the next connection. It is closed with the tape.
func (t *Tape) Dial() *Conn {
	t.T.Helper()
	c, err := net.Dial("tcp", t.Addr)
	if err != nil {
		t.T.Fatalf("dial: %v", err)
	}
	conn := &Conn{tape: t, name: fmt.Sprintf("conn %d", len(t.conns)), net: c}
	t.conns = append(t.conns, conn)
	return conn
}

// Close closes every connection.
func (t *Tape) Close() {
	for _, c := range t.conns {
		_ = c.net.Close() // it may be closed already, which is what is wanted
		for _, n := range c.others {
			_ = n.Close()
		}
	}
}

// Note records something about the run that is no answer, such as a count.
func (t *Tape) Note(format string, args ...any) {
	t.Lines = append(t.Lines, Line{What: "note", Answer: fmt.Appendf(nil, format, args...)})
}

func (c *Conn) fatalf(format string, args ...any) {
	c.tape.T.Helper()
	c.tape.T.Fatalf("%s, after %d answers: %s", c.name, len(c.tape.Lines), fmt.Sprintf(format, args...))
}

// Write sends bytes as they are.
func (c *Conn) Write(b []byte) {
	c.tape.T.Helper()
	c.writeTo(c.net, b)
}

func (c *Conn) writeTo(n net.Conn, b []byte) {
	c.tape.T.Helper()
	if err := n.SetWriteDeadline(time.Now().Add(answerLimit)); err != nil {
		c.fatalf("%v", err)
	}
	if _, err := n.Write(b); err != nil {
		c.fatalf("write: %v", err)
	}
}

// Send asks without waiting for the answer.
func (c *Conn) Send(version int16, req kmsg.Request) {
	c.tape.T.Helper()
	c.asked = append(c.asked, c.tell(version, req))
}

// Tell sends a request that is not answered.
func (c *Conn) Tell(version int16, req kmsg.Request) {
	c.tape.T.Helper()
	c.tell(version, req)
}

func (c *Conn) tell(version int16, req kmsg.Request) question {
	c.tape.T.Helper()
	c.corr++
	req.SetVersion(version)
	legs := c.legs(version, req)
	for _, l := range legs {
		c.writeTo(l.net, Frame(l.req, version, c.corr))
	}
	what := fmt.Sprintf("%s: %s v%d", c.name, kmsg.NameForKey(req.Key()), version)
	return question{what: what, corr: c.corr, req: req, legs: legs}
}

// SendRaw sends a frame that a response is expected for, whatever it says.
func (c *Conn) SendRaw(what string, corr int32, frame []byte) {
	c.tape.T.Helper()
	c.asked = append(c.asked, question{what: c.name + ": " + what, corr: corr, legs: []leg{{net: c.net}}})
	c.Write(frame)
}

// Answer records the response to the oldest request without one, and decodes
// it unless the request was raw. Responses come in the order of requests.
func (c *Conn) Answer() kmsg.Response {
	c.tape.T.Helper()
	resp, line := c.answer()
	c.tape.Lines = append(c.tape.Lines, line)
	return resp
}

func (c *Conn) answer() (kmsg.Response, Line) {
	c.tape.T.Helper()
	if len(c.asked) == 0 {
		c.fatalf("nothing was asked")
	}
	q := c.asked[0]
	c.asked = c.asked[1:]
	if len(q.legs) > 1 {
		resp, err := c.gather(&q)
		if err != nil {
			c.fatalf("%s: %v", q.what, err)
		}
		return resp, Line{What: q.what, Answer: []byte("from several leaders"), Apart: true}
	}
	frame, err := readFrom(q.legs[0].net)
	if err != nil {
		c.fatalf("%s: %v", q.what, err)
	}
	line := Line{What: q.what, Answer: frame, Apart: c.tape.apart || c.tape.Direct && namesBrokers(q.req)}
	if q.req == nil {
		if len(frame) < 4 || int32(binary.BigEndian.Uint32(frame)) != q.corr {
			c.fatalf("%s: answer %x does not begin with correlation id %d", q.what, frame, q.corr)
		}
		return nil, line
	}
	resp, corr, err := Decode(q.req, frame)
	if err != nil || corr != q.corr {
		c.fatalf("%s: correlation id %d, want %d, %v\n%s", q.what, corr, q.corr, err, hex.Dump(frame))
	}
	c.tape.remember(&q, resp)
	c.tape.renumber(resp, frame)
	return resp, line
}

func readFrom(n net.Conn) ([]byte, error) {
	if err := n.SetReadDeadline(time.Now().Add(answerLimit)); err != nil {
		return nil, err
	}
	return ReadFrame(n)
}

// ReadFrame reads one response, and returns it without its size.
func ReadFrame(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxResponseBytes {
		return nil, fmt.Errorf("response of %d bytes", n)
	}
	frame := make([]byte, n)
	_, err := io.ReadFull(r, frame)
	return frame, err
}

// Ask sends a request and records its answer.
func (c *Conn) Ask(version int16, req kmsg.Request) kmsg.Response {
	c.tape.T.Helper()
	c.Send(version, req)
	return c.Answer()
}

// Until asks until the answer is as wanted and records that one alone: for
// what happens in the broker's own time.
func (c *Conn) Until(version int16, req kmsg.Request, wanted func(kmsg.Response) bool) kmsg.Response {
	c.tape.T.Helper()
	corr := c.corr + 1
	for deadline := time.Now().Add(answerLimit); ; time.Sleep(5 * time.Millisecond) {
		c.corr = corr - 1 // every try has the id that is recorded
		c.Send(version, req)
		resp, line := c.answer()
		if wanted(resp) {
			c.tape.Lines = append(c.tape.Lines, line)
			return resp
		}
		if time.Now().After(deadline) {
			c.fatalf("%s: still not as wanted: %+v", line.What, resp)
		}
	}
}

// Ended waits for the broker to close the connection without another byte.
func (c *Conn) Ended(why string) {
	c.tape.T.Helper()
	if err := c.net.SetReadDeadline(time.Now().Add(answerLimit)); err != nil {
		c.fatalf("%v", err)
	}
	var b [1]byte
	n, err := c.net.Read(b[:])
	if n > 0 {
		c.fatalf("%s: answered, want the connection closed", why)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.fatalf("%s: the connection stayed open", why)
	}
	c.tape.Lines = append(c.tape.Lines, Line{What: c.name + ": " + why, Answer: []byte("closed")})
}

// Diff describes the first line in which two tapes differ, "" when none does.
func Diff(a, b []Line) string {
	for i := range min(len(a), len(b)) {
		if a[i].What != b[i].What {
			return fmt.Sprintf("line %d: one is %q, the other %q", i, a[i].What, b[i].What)
		}
		if a[i].Apart || b[i].Apart {
			continue
		}
		if !bytes.Equal(a[i].Answer, b[i].Answer) {
			at := 0
			for at < min(len(a[i].Answer), len(b[i].Answer)) && a[i].Answer[at] == b[i].Answer[at] {
				at++
			}
			return fmt.Sprintf("line %d, %s: %d and %d bytes, differ from byte %d on\n%s\nthe other\n%s", i, a[i].What,
				len(a[i].Answer), len(b[i].Answer), at, around(a[i].Answer, at), around(b[i].Answer, at))
		}
	}
	if len(a) != len(b) {
		return fmt.Sprintf("%d lines and %d", len(a), len(b))
	}
	return ""
}

// around dumps the bytes of an answer about a place in it.
func around(b []byte, at int) string {
	from := max(0, at-32) &^ 15
	return indent(fmt.Sprintf("from byte %d\n", from) + hex.Dump(b[from:min(len(b), at+48)]))
}
