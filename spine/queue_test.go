package spine

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestQueueIsADeque(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var model []uint32
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				w := rapid.Uint32().Draw(t, "w")
				q.push(w)
				model = append(model, w)
			},
			"pushFront": func(t *rapid.T) {
				ws := rapid.SliceOfN(rapid.Uint32(), 0, 20).Draw(t, "ws")
				q.pushFront(ws)
				model = slices.Concat(ws, model)
			},
			"pop": func(t *rapid.T) {
				if len(model) == 0 {
					return
				}
				require.Equal(t, model[0], q.pop())
				model = model[1:]
			},
			"filter": func(t *rapid.T) {
				bits := rapid.Uint32().Draw(t, "bits")
				keep := func(w uint32) bool { return w&bits != 0 }
				q.filter(keep)
				model = slices.DeleteFunc(slices.Clone(model), func(w uint32) bool { return !keep(w) })
			},
			"": func(t *rapid.T) {
				got := []uint32{}
				for i := range q.len() {
					got = append(got, q.at(i))
				}
				require.True(t, slices.Equal(model, got), "want %v, got %v", model, got)
			},
		})
	})
}
