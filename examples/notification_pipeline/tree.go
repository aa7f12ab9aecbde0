package main

import (
	"fmt"
	"io"

	"github.com/necrostack/necrostack/actors"
)

// printTree draws what followed from what. events are a whole chain, in any order.
func printTree(out io.Writer, events []actors.Event) {
	caused := map[actors.ID][]actors.Event{}
	for _, ev := range events {
		caused[ev.Causation()] = append(caused[ev.Causation()], ev)
	}
	for _, root := range caused[actors.ID{}] {
		_, _ = fmt.Fprintf(out, "  %s\n", describe(root))
		branches(out, caused, root.ID(), "  ")
	}
}

func branches(out io.Writer, caused map[actors.ID][]actors.Event, cause actors.ID, indent string) {
	for i, ev := range caused[cause] {
		fork, below := "├─ ", "│  "
		if i == len(caused[cause])-1 {
			fork, below = "└─ ", "   "
		}
		_, _ = fmt.Fprintf(out, "%s%s%s\n", indent, fork, describe(ev))
		branches(out, caused, ev.ID(), indent+below)
	}
}

// idLength is how much of an id people are shown: enough to tell a few thousand apart.
const idLength = 8

func describe(ev actors.Event) string {
	text := ev.Type() + "  " + ev.ID().String()[:idLength]
	if ev.Meta(actors.MetaReplayOf) != "" {
		text += "  (replay)"
	}
	return text
}
