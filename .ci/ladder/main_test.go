package main

import (
	"slices"
	"strings"
	"testing"
)

func TestEdges(t *testing.T) {
	t.Parallel()
	tests := []struct {
		from, to string
		inTest   bool
		want     string // how the fault begins; empty when the import is fine
	}{
		// Down.
		{from: "supervision", to: "actors"},
		{from: "actors/host", to: "supervision"},
		{from: "spine", to: "proto/wirepb"},
		{from: "actors", to: "proto/wirepb"}, // Along the rung, by name.
		{from: "spine", to: "actors/host"},
		{from: "spine/redisstream", to: "spine"},
		{from: "cluster", to: "spine"},
		{from: "examples/hello", to: "cluster"},
		{from: "cmd/necro", to: "spine/redisstream"},

		// Up, for code and for tests alike.
		{from: "actors", to: "supervision", want: "upward"},
		{from: "persistence", to: "spine", want: "upward"},
		{from: "actors/host", to: "spine", want: "upward"},
		{from: "spine", to: "spine/redisstream", want: "upward"},
		{from: "spine", to: "spine/redisstream", inTest: true, want: "upward"},
		{from: "spine", to: "examples/hello", inTest: true, want: "upward"},

		// Sideways, and inside one room.
		{from: "supervision", to: "persistence", want: "sideways"},
		{from: "persistence", to: "supervision", want: "sideways"},
		{from: "persistence", to: "supervision", inTest: true, want: "sideways"},
		{from: "proto/wirepb", to: "actors", inTest: true, want: "sideways"},
		{from: "cluster", to: "spine/redisstream", want: "sideways"},
		{from: "examples/hello", to: "examples/saga", want: "sideways"},
		{from: "cmd/necro", to: "examples/hello", want: "sideways"},
		{from: "examples/saga", to: "examples/saga/orders"},
		{from: "cluster/redislease", to: "cluster"},
		{from: "spine/redisstream/redistest", to: "spine/redisstream"},
		{from: "actors", to: "actors", inTest: true},

		// Test helpers.
		{from: "actors", to: "actors/actorstest", inTest: true},
		{from: "spine", to: "spine/spinetest", inTest: true},
		{from: "spine", to: "actors/actorstest", inTest: true},
		{from: "spine/redisstream", to: "spine/backendtest", inTest: true},
		{from: "spine/redisstream", to: "spine/redisstream/redistest", inTest: true},
		{from: "cluster/redislease", to: "spine/redisstream/redistest", inTest: true},
		{from: "cluster/clustertest", to: "spine/redisstream", inTest: true},
		{from: "cluster/clustertest", to: "cluster", inTest: true},
		{from: "cluster", to: "cluster/clustertest", inTest: true},
		{from: "spine/redisstream/chaos", to: "spine/redisstream", inTest: true},
		{from: "spine/redisstream/chaos", to: "cluster", inTest: true},
		{from: "spine/redisstream/chaos", to: "spine/redisstream/redistest", inTest: true},
		{from: "spine/redisstream", to: "cluster/clustertest", inTest: true, want: "upward"},
		{from: "spine/spinetest", to: "spine"},
		{from: "spine/spinetest", to: "actors/actorstest"},
		{from: "spine/backendtest", to: "actors"},
		{from: "persistence/persistencetest", to: "persistence"},
		{from: "actors/actorstest", to: "actors"},
		{from: "actors/actorstest", to: "proto/wirepb", want: "sideways"},
		{from: "actors/actorstest", to: "supervision", want: "upward"},
		{from: "persistence/persistencetest", to: "supervision", want: "sideways"},
		{from: "persistence", to: "spine/backendtest", inTest: true, want: "upward"},
		{from: "supervision", to: "persistence/persistencetest", inTest: true, want: "sideways"},
		{from: "actors", to: "actors/actorstest", want: "a test helper"},
		{from: "spine", to: "actors/actorstest", want: "a test helper"},
		{from: "cmd/necro", to: "spine/backendtest", want: "a test helper"},
		{from: "spine/redisstream", to: "spine/redisstream/redistest", want: "a test helper"},
		{from: "spine", to: "spine/redisstream/redistest", inTest: true, want: "sideways"},
		{from: "spine/redisstream/redistest", to: "spine", want: "sideways"},
	}
	for _, tt := range tests {
		name := tt.from + " to " + tt.to
		if tt.inTest {
			name += " in a test"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := judge(mustPlace(t, tt.from), mustPlace(t, tt.to), tt.inTest)
			if tt.want == "" && got != "" {
				t.Errorf("refused (%s), want allowed", got)
			}
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("judged %q, want %s…", got, tt.want)
			}
		})
	}
}

func mustPlace(t *testing.T, folder string) room {
	t.Helper()
	r, ok := roomOf(folder)
	if !ok {
		t.Fatalf("%s is on no rung", folder)
	}
	return r
}

func TestFoldersWithoutAPlace(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{".", "utils", "spine/internal/feed", "actors/codec", "examples", "cmd", "clusters"} {
		if r, ok := roomOf(folder); ok {
			t.Errorf("%s stands in room %s, want no place", folder, r.name)
		}
	}
}

func TestDoors(t *testing.T) {
	t.Parallel()
	const (
		engine = "github.com/asynkron/protoactor-go/actor"
		redis  = "github.com/redis/go-redis/v9"
	)
	tests := []struct {
		folder, path string
		open         bool
	}{
		{"actors/host", engine, true},
		{"actors", engine, false},
		{"spine", engine, false},
		{"examples/hello", engine, false},
		{"spine/redisstream", redis, true},
		{"spine/redisstream/redistest", redis, true},
		{"cluster/redislease", redis, true},
		{"cluster", redis, false},
		{"spine", redis, false},
		{"examples/trading", redis, true},
		{"cmd/necro", redis, true},
		{"spine", "github.com/redis/go-redis-lookalike", true},
		{"actors", "encoding/json", true},
	}
	for _, tt := range tests {
		t.Run(tt.folder+" to "+tt.path, func(t *testing.T) {
			t.Parallel()
			got := judgeOutside(tt.folder, tt.path)
			if open := got == ""; open != tt.open {
				t.Errorf("open is %v (%s), want %v", open, got, tt.open)
			}
		})
	}
}

func TestFaultsNameImporterAndImport(t *testing.T) {
	t.Parallel()
	got := check([]pkg{
		{folder: "spine", code: []dep{{path: "actors", ours: true}, {path: "fmt"}}},
		{folder: "actors", test: []dep{{path: "spine", ours: true}}},
		{folder: "utils"},
	})
	want := []string{
		"actors (test) imports spine: upward, from rung 0 to rung 3",
		"utils: on no rung; give it a place in .ci/ladder/rules.go",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestImportsAreSortedIntoOursAndOthers(t *testing.T) {
	t.Parallel()
	got := depsOf("example.com/m", []string{"fmt", "example.com/m/spine", "example.com/m", "fmt", "example.com/more"})
	want := []dep{{".", true}, {"spine", true}, {"example.com/more", false}, {"fmt", false}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
