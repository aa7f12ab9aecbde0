//go:build race

package redisstream

const raced = true
