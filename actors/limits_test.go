package actors_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

func TestSafeNames(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a", "ORDER_SUBMITTED", "order.paid", "acc/42:EUR", "!#$%&'()*+,-./", "[x]", "~", strings.Repeat("x", 256)} {
		require.NoError(t, actors.CheckName("key", s), s)
	}
}

func TestUnsafeNamesAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range "\"\\`{}| \t\n\x00\x1f\x7fäあ\xff" {
		s := "a" + string(c) + "b"
		err := actors.CheckName("organ", s)
		require.ErrorIs(t, err, actors.ErrName, "%q", s)
		requireMentions(t, err, "organ")
	}
	requireMentions(t, actors.CheckName("key", "a\xffb"), `"a\xffb"`)
	requireMentions(t, actors.CheckName("key", ""), `key is empty: ""`)
	requireMentions(t, actors.CheckName("key", " \n"), `key is empty: " \n"`)

	var limit *actors.LimitError
	require.ErrorAs(t, actors.CheckName("service", strings.Repeat("x", 257)), &limit)
	assert.Equal(t, actors.LimitError{What: "service", Got: 257, Limit: 256, Unit: "bytes"}, *limit)
	assert.Equal(t, "actors: service has 257 bytes, the limit is 256", limit.Error())
	require.ErrorAs(t, actors.CheckName("service", strings.Repeat("é", 129)), &limit)
	assert.Equal(t, 258, limit.Got, "bytes, not letters")
}

func TestEverySafeByteIsPrintable(t *testing.T) {
	t.Parallel()
	safe := 0
	for c := range 256 {
		if actors.CheckName("key", string([]byte{byte(c)})) == nil {
			assert.True(t, '!' <= c && c <= '~', "%q", rune(c))
			safe++
		}
	}
	assert.Equal(t, 94-6, safe)
}
