package redistest

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// attributes make the server end with the tests, also when those are killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// isStopped tells whether SIGSTOP has taken effect, which is a little after it was sent.
func isStopped(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true // It has ended: more than stopped.
	}
	// "pid (name) state ..."; a name may hold anything, also parentheses.
	_, state, found := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	return found && len(state) > 0 && state[0] == 'T'
}
