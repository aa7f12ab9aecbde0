package redistest_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine/redisstream/tmp_fault"
)

func TestSharedServerIsOne(t *testing.T) {
	t.Parallel()
	a, b := redistest.SharedServer(t), redistest.SharedServer(t)
	assert.Equal(t, a.PID(), b.PID())
	key := redistest.Namespace(t)
	require.NoError(t, a.Client().Set(t.Context(), key, "v", 0).Err())
	assert.Equal(t, "v", b.Client().Get(t.Context(), key).Val())
}

func TestSharedServerIsNotDisturbed(t *testing.T) {
	t.Parallel()
	for name, disturb := range map[string]func(*redistest.Server){
		"stop":             (*redistest.Server).Stop,
		"kill":             (*redistest.Server).Kill,
		"restart":          (*redistest.Server).Restart,
		"pause":            (*redistest.Server).Pause,
		"resume":           (*redistest.Server).Resume,
		"flush":            (*redistest.Server).Flush,
		"set the slow log": func(s *redistest.Server) { s.SetSlowLog(0) },
	} {
		f := try(t, func(f *fake) { disturb(redistest.SharedServer(f)) })
		assert.Equal(t, []string{"redistest: " + name + " would disturb the other tests of the shared server; use Start"},
			append(f.errors, f.fatals...))
	}
	assert.NoError(t, redistest.SharedServer(t).Client().Ping(t.Context()).Err())
}

func TestSharedServerOutlivesATest(t *testing.T) {
	t.Parallel()
	f := try(t, func(f *fake) { redistest.SharedServer(f) })
	assert.Empty(t, f.fatals)
	assert.NoError(t, redistest.SharedServer(t).Client().Ping(t.Context()).Err())
}

func TestNamespaceIsSafeAndUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	t.Run("a Name: with {braces}, ünï", func(t *testing.T) {
		for range 1000 {
			seen[redistest.Namespace(t)] = true
		}
	})
	assert.Len(t, seen, 1000)
	for ns := range seen {
		assert.Regexp(t, regexp.MustCompile(`^testnamespaceissafeandunique-a-name--wit-[a-z0-9]{7}$`), ns)
	}
}
