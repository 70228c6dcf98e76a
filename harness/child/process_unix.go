//go:build unix

package child

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup keeps a Ctrl-C on the terminal from reaching the child: the harness
// decides in which order things end.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func askToStop(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
