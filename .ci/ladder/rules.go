package main

import (
	"fmt"
	"slices"
	"strings"
)

// place puts folders on a rung. Folders are written in one of three ways:
//
//	spine         this folder alone
//	cluster/...   this folder and all below it, together one room
//	examples/*    each folder below is a room of its own, with all below it
type place struct {
	folders string
	rung    int
	helps   string // for a test helper: the folder that it helps to test
}

var places = []place{
	{folders: "actors", rung: 0},
	{folders: "actors/actorstest", rung: 0, helps: "actors"},
	{folders: "proto/...", rung: 0},

	{folders: "supervision", rung: 1},
	{folders: "persistence", rung: 1},
	{folders: "persistence/persistencetest", rung: 1, helps: "persistence"},

	{folders: "actors/host", rung: 2},

	{folders: "spine", rung: 3},
	{folders: "spine/spinetest", rung: 3, helps: "spine"},
	{folders: "spine/backendtest", rung: 3, helps: "spine"},

	// Before the room that it stands in: it knows a server and nothing of ours, so tests of cluster use it too.
	{folders: "spine/redisstream/redistest", rung: 3, helps: "spine/redisstream"},
	// Above their rooms: tests of several nodes over a real store, which know both.
	{folders: "spine/redisstream/chaos", rung: 5, helps: "spine/redisstream"},
	{folders: "spine/redisstream/...", rung: 4},
	{folders: "cluster/clustertest", rung: 5, helps: "cluster"},
	{folders: "cluster/...", rung: 4},

	{folders: "examples/*", rung: 5},
	{folders: "bench/...", rung: 5},
	{folders: "cmd/*", rung: 5},
}

// edge is an import between two rooms.
type edge struct{ from, to string }

// beside lists the imports along one rung that are allowed, in this direction
// and for the code of this room only, test helpers not included.
var beside = []edge{
	// Event.MarshalBinary needs the generated envelope, which is a leaf.
	{from: "actors", to: "proto"},
	// What the example programs share.
	{from: "examples/notification_pipeline", to: "examples/console"},
	{from: "examples/trading_orderbook", to: "examples/console"},
}

// door names the only folders that may import a module from outside, so that
// a change of that module is a change in few places.
type door struct {
	what    string
	modules []string
	folders []string // in the notation of place
}

var doors = []door{
	{
		what:    "proto.actor",
		modules: []string{"github.com/asynkron/protoactor-go"},
		folders: []string{"actors/host"},
	},
	{
		what: "a Redis client",
		modules: []string{
			"github.com/redis/go-redis",
			"github.com/redis/rueidis",
			"github.com/go-redis/redis",
			"github.com/gomodule/redigo",
			"github.com/valkey-io/valkey-go",
		},
		// Below cluster, not cluster itself: members and assignment know no store.
		folders: []string{"spine/redisstream/...", "cluster/*", "examples/*", "cmd/*"},
	},
}

// room is what the rules speak of: folders that stand and move together.
type room struct {
	name  string
	rung  int
	helps string // the room that this test helper belongs to, or empty
}

// family is the room itself, or the room that it helps to test.
func (r room) family() string {
	if r.helps != "" {
		return r.helps
	}
	return r.name
}

// roomOf returns the room that a folder belongs to, false when it is on no rung.
func roomOf(folder string) (room, bool) {
	for _, p := range places {
		if name, ok := match(p.folders, folder); ok {
			return room{name: name, rung: p.rung, helps: p.helps}, true
		}
	}
	return room{}, false
}

// match tells whether a folder is one of those that the notation of place
// names, and the name of its room.
func match(folders, folder string) (string, bool) {
	if root, ok := strings.CutSuffix(folders, "/..."); ok {
		return root, isUnder(folder, root)
	}
	if root, ok := strings.CutSuffix(folders, "/*"); ok {
		rest, below := strings.CutPrefix(folder, root+"/")
		first, _, _ := strings.Cut(rest, "/")
		return root + "/" + first, below
	}
	return folders, folder == folders
}

// judge returns why from must not import to, or nothing. It looks at nothing
// else, so that every rule of the ladder is one line of its test.
func judge(from, to room, inTest bool) string {
	if to.helps != "" && from.helps == "" && !inTest {
		return "a test helper is imported by tests only"
	}
	if from.family() == to.family() {
		return ""
	}
	if slices.Contains(beside, edge{from.name, to.name}) {
		return ""
	}
	if from.rung < to.rung {
		return fmt.Sprintf("upward, from rung %d to rung %d", from.rung, to.rung)
	}
	if from.rung == to.rung {
		return fmt.Sprintf("sideways, both stand on rung %d", from.rung)
	}
	return ""
}

// judgeOutside returns why a folder must not import a path from outside the
// module, or nothing.
func judgeOutside(folder, path string) string {
	for _, d := range doors {
		if !slices.ContainsFunc(d.modules, func(m string) bool { return isUnder(path, m) }) {
			continue
		}
		if !slices.ContainsFunc(d.folders, func(f string) bool { _, ok := match(f, folder); return ok }) {
			return fmt.Sprintf("%s is imported by %s only", d.what, strings.Join(d.folders, ", "))
		}
	}
	return ""
}

func isUnder(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}
