package harness

import (
	"os/exec"
	"syscall"
)

func dieWithUs(cmd *exec.Cmd, sig syscall.Signal) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: sig, Setpgid: true}
}
