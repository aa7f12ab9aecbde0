package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/necrostack/necrostack/cluster"
	"github.com/necrostack/necrostack/examples/console"
)

// serve is a node of a cluster until ctx ends. It says what it serves and with whom, whenever that changes.
func (a *app) serve(ctx context.Context) error {
	a.printHead("node " + a.options.store.Node)
	w := a.floor.open(ctx)
	var err error
	if len(a.input.items) > 0 {
		err = a.publish(ctx, a.input.payloads())
	}
	tick := time.NewTicker(20 * glance)
	defer tick.Stop()
	said := ""
	for err == nil && ctx.Err() == nil {
		if now := describe(a.floor.node.Status()); now != said {
			said = now
			a.printf("%s  %s: %s\n", time.Now().Format("15:04:05.0"), a.options.store.Node, now)
		}
		select {
		case <-tick.C:
		case <-w.ended:
			err = w.err
		case <-ctx.Done():
		}
	}
	failed := w.close()
	if err == nil {
		err = failed
	}
	_, settled := a.floor.record.counted()
	a.printf("%s  %s: gone; %s settled here\n", time.Now().Format("15:04:05.0"), a.options.store.Node, console.Plural(settled, "event"))
	return err
}

// describe says what a node serves, and who else there is.
func describe(s cluster.Status) string {
	if s.Phase == cluster.Joining {
		return "joining"
	}
	var others []string
	for _, m := range s.Members {
		if m.ID != s.ID && !m.Dead && !m.Leaving && m.Weight > 0 {
			others = append(others, cluster.NameOf(m.ID))
		}
	}
	slices.Sort(others)
	with := "alone"
	if len(others) > 0 {
		with = "with " + strings.Join(others, ", ")
	}
	return fmt.Sprintf("%s of %d shards (%s), %s", strconv.Itoa(len(s.Owned)), len(s.Plan), spans(s.Owned), with)
}

// spans writes ascending numbers: 0-3, 7.
func spans(numbers []uint32) string {
	if len(numbers) == 0 {
		return "none"
	}
	var parts []string
	for i := 0; i < len(numbers); {
		k := i
		for k+1 < len(numbers) && numbers[k+1] == numbers[k]+1 {
			k++
		}
		part := fmt.Sprint(numbers[i])
		if k > i {
			part += fmt.Sprintf("-%d", numbers[k])
		}
		parts = append(parts, part)
		i = k + 1
	}
	return strings.Join(parts, ", ")
}
