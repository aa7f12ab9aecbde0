// Command necro looks at a store in Redis, and does to it what takes an operator: it shows how the store and its services are, works with
// dead letters, says who is to own a shard, and moves a store to another number of shards.
//
//	necro --redis URL [--namespace NS] [--json] health
//	necro --redis URL services
//	necro --redis URL shards SERVICE [--watch 2s]
//	necro --redis URL nodes SERVICE
//	necro --redis URL letters SERVICE [--organ O] [--type T] [--reason R] [--key K] [--text T] [--limit N]
//	necro --redis URL letter SERVICE LETTER
//	necro --redis URL replay SERVICE LETTER [--payload FILE] [--because WHY]
//	necro --redis URL replay SERVICE all [filter as with letters] [--rate N] [--dry-run] [--because WHY]
//	necro --redis URL drop SERVICE LETTER|all    (likewise)
//	necro --redis URL pin SERVICE SHARD NODE     (move is the same)
//	necro --redis URL unpin SERVICE SHARD
//	necro --redis URL reshard N
//
// The address comes from NECRO_REDIS where --redis is not given; a password from the address, or from the environment variable
// that --password-env names. It is printed nowhere. With --json every listing is one line of JSON.
//
// Dead letters are replayed and dropped whether the service runs or not, in the name of the user whom the operating system
// names, and each by an event in the store that tells of it (supervision.LetterReplayed, LetterDropped).
//
// It exits with 0 when all is well, with 1 when what was asked for did not succeed, or health found something wrong, and with 2
// when the command line is mistaken.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
