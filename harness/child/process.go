package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/ceteris/ceteris/harness/host"
)

// Process is one child: the broker or the generator. It holds the writing end
// of the child's standard input, so that a harness that is killed takes its
// children with it.
type Process struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   io.ReadCloser
	said  *words
	ended chan struct{} // closed when the child has been waited for
	err   error         // how it ended; read after ended
}

// start runs the binary with args on cpus. Its standard error goes to log; it has
// hold, if that is a file, open as long as it lives.
func start(name, binary string, args, env []string, cpus []int, log, hold *os.File) (*Process, error) {
	cmd := exec.Command(binary, args...)
	if hold != nil {
		cmd.ExtraFiles = []*os.File{hold}
	}
	cmd.Env = append(os.Environ(), env...)
	said := &words{file: log}
	cmd.Stderr = said
	ownGroup(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	// A pipe of our own rather than StdoutPipe, which Wait would close under
	// the reader.
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout = in
	err = host.Start(cmd, cpus)
	in.Close()
	if err != nil {
		out.Close()
		return nil, fmt.Errorf("starting the %s: %w", name, err)
	}
	p := &Process{name: name, said: said, cmd: cmd, stdin: stdin, out: out, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// PID is the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// LastWords is the last line that the child wrote to its standard error; "" when
// it said nothing.
func (p *Process) LastWords() string { return p.said.last() }

// Ended is closed when the child has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Alive reports whether the child still runs.
func (p *Process) Alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Stop asks the child to end and waits; after limit it is killed, which is an
// error.
func (p *Process) Stop(limit time.Duration) error {
	defer p.out.Close()
	defer p.stdin.Close()
	if p.Alive() {
		if err := askToStop(p.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("stopping the %s: %w", p.name, err)
		}
	}
	select {
	case <-p.ended:
	case <-time.After(limit):
		_ = p.cmd.Process.Kill() // its end is waited for below
		<-p.ended
		return fmt.Errorf("the %s did not stop within %v and was killed", p.name, limit)
	}
	if p.err != nil {
		return fmt.Errorf("the %s ended with %w", p.name, p.err)
	}
	return nil
}

// wait waits for the child's own end; when ctx ends first, the child is stopped.
func (p *Process) wait(ctx context.Context, limit time.Duration) error {
	select {
	case <-p.ended:
		return p.Stop(limit)
	case <-ctx.Done():
		return errors.Join(ctx.Err(), p.Stop(limit))
	}
}
