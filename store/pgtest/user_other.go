//go:build !linux

package pgtest

import "syscall"

func unprivileged(string) (*syscall.SysProcAttr, error) { return &syscall.SysProcAttr{}, nil }

func dieWithUs(attr *syscall.SysProcAttr) *syscall.SysProcAttr { return attr }
