//go:build !unix

package child

import (
	"os"
	"os/exec"
)

func ownGroup(*exec.Cmd) {}

func askToStop(p *os.Process) error { return p.Kill() }
