//go:build !linux

package redistest

import "syscall"

func attributes() *syscall.SysProcAttr { return nil }

// isStopped cannot tell here and believes.
func isStopped(int) bool { return true }
