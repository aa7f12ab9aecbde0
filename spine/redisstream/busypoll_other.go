//go:build !unix

package redisstream

import "net"

func polled(conn net.Conn, _ *busyPoll) net.Conn { return conn }
