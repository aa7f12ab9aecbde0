//go:build !race

package redisstream

const raced = false
