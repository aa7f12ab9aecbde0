//go:build unix

package measure

import (
	"syscall"
	"time"
)

// CPU is what this process has used of all processors so far, in user and kernel mode; 0 where that is not known.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
