package cluster_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/necrostack/necrostack/cluster"
)

func BenchmarkAssign(b *testing.B) {
	const shards = 4096
	members := nodes(0, 200)
	current := assign(b, members, nil, cluster.NewPlan(shards))
	for _, c := range []struct {
		name    string
		members []cluster.Member
		current cluster.Plan
	}{
		{"first", members, cluster.NewPlan(shards)},
		{"same", members, current},
		{"join", append(members, nodes(1000, 1)...), current},
		{"leave", without(members, 100), current},
		{"from1to200", members, assign(b, members[:1], nil, cluster.NewPlan(shards))},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				assign(b, c.members, nil, c.current)
			}
		})
	}
}

func BenchmarkViewRead(b *testing.B) {
	records := make(map[string]cluster.Record)
	for _, m := range nodes(0, 200) {
		records[m.ID] = cluster.Record{Weight: m.Weight}
	}
	v := cluster.NewView(5 * time.Second)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Second)
		for id, r := range records {
			r.Beat++
			records[id] = r
		}
		if c := v.Read(now, records); len(c.Died) > 0 {
			b.Fatal(fmt.Sprint(c))
		}
	}
}
