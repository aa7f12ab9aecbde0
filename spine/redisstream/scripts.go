package redisstream

import (
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"slices"
	"strings"
)

//go:embed scripts/*.lua
var scriptFiles embed.FS

// script is one of the scripts, all of which are constants: what varies comes in keys and arguments.
type script struct{ name, source, sha string }

var (
	createScript   = readScript("create")
	joinScript     = readScript("join")
	lookScript     = readScript("look")
	acquireScript  = readScript("acquire")
	undeferScript  = readScript("undefer")
	renewScript    = readScript("renew")
	releaseScript  = readScript("release")
	guardScript    = readScript("guard")
	progressScript = readScript("progress")
	suspectScript  = readScript("suspect")
	commitScript   = readScript("commit")
	submitScript   = readScript("submit")
	promoteScript  = readScript("promote")
	loadScript     = readScript("load")
	snapshotScript = readScript("snapshot")
	trimCellScript = readScript("trimcell")
	expireScript   = readScript("expire")
	backlogScript  = readScript("backlog")
	rewindScript   = readScript("rewind")
	clearScript    = readScript("clear")
	forgetScript   = readScript("forget")
	removeScript   = readScript("remove")
	beatScript     = readScript("beat")
	agreeScript    = readScript("agree")
	strikeScript   = readScript("strike")
	askScript      = readScript("ask")
	answerScript   = readScript("answer")
)

var allScripts []*script

// readScript returns a script of the folder. Its sum is what the server calls it by, no secret.
func readScript(name string) *script {
	source, err := scriptFiles.ReadFile("scripts/" + name + ".lua")
	if err != nil {
		panic(err) // it is not in the program: no user's mistake
	}
	sum := sha1.Sum(source)
	s := &script{name: name, source: string(source), sha: hex.EncodeToString(sum[:])}
	allScripts = append(allScripts, s)
	return s
}

// commands are those that the scripts call, and that the backend sends itself: a user of the server must be
// allowed each.
func commands() []string {
	all := []string{
		"EVALSHA", "SCRIPT|LOAD", "MULTI", "EXEC", "XREADGROUP", "XREAD", "XRANGE", "XREVRANGE", "XLEN", "ZRANGEBYSCORE", "HGET",
		"HKEYS", "SMEMBERS", "INFO", "PING",
	}
	for _, s := range allScripts {
		all = append(all, called(s.source)...)
	}
	return sorted(all)
}

// operatorCommands are those that Reshard needs.
func operatorCommands() []string {
	all := append(commands(), "EVAL", "COPY", "SCAN", "HSCAN", "HLEN", "HGETALL", "HMGET", "HSET", "PTTL", "PEXPIRE", "SADD",
		"TYPE", "UNLINK", "XADD", "XCLAIM", "XDEL", "XGROUP|CREATE", "XGROUP|SETID", "XPENDING", "ZADD", "ZMSCORE", "ZRANGE")
	for _, name := range operatorScripts {
		all = append(all, called(operatorSource(name))...)
	}
	return sorted(all)
}

// called are the commands of a script.
func called(source string) []string {
	var names []string
	for _, call := range strings.Split(source, "call('")[1:] { // pcall too, and by a local name
		words := strings.Split(call, "'")
		name := words[0]
		if (name == "XGROUP" || name == "XINFO") && len(words) > 2 {
			name += "|" + words[2]
		}
		names = append(names, name)
	}
	return names
}

func sorted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
