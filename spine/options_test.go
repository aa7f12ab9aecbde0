package spine

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/supervision"
)

// lasting is a policy that its timeout tells from others.
func lasting(d time.Duration) supervision.Policy {
	return supervision.Policy{Exhausted: supervision.Log, Timeout: d}
}

func TestOptionsOfPoliciesAddUpInAnyOrder(t *testing.T) {
	t.Parallel()
	file, err := supervision.ParsePolicies(strings.NewReader("organs: {a: {timeout: 1s}}"), []string{"a"})
	require.NoError(t, err)
	full, err := supervision.ParsePolicies(strings.NewReader("default: {timeout: 9s}"), nil)
	require.NoError(t, err)
	own := func(name string, d time.Duration) supervision.Policies {
		return supervision.Policies{Organs: map[string]supervision.Policy{name: lasting(d)}}
	}
	every := WithPolicy(lasting(5 * time.Second))
	for name, c := range map[string]struct {
		options    []Option
		a, b, rest time.Duration // the timeouts of organs a and b, and of all others
	}{
		"Nothing":              {nil, 30 * time.Second, 30 * time.Second, 30 * time.Second},
		"DefaultThenOrgans":    {[]Option{every, WithPolicies(own("a", time.Second))}, time.Second, 5 * time.Second, 5 * time.Second},
		"OrgansThenDefault":    {[]Option{WithPolicies(own("a", time.Second)), every}, time.Second, 5 * time.Second, 5 * time.Second},
		"FileWithoutDefault":   {[]Option{every, WithPolicies(file)}, time.Second, 5 * time.Second, 5 * time.Second},
		"FileWithDefault":      {[]Option{every, WithPolicies(full)}, 9 * time.Second, 9 * time.Second, 9 * time.Second},
		"DefaultAfterDefault":  {[]Option{WithPolicies(full), every}, 5 * time.Second, 5 * time.Second, 5 * time.Second},
		"OrganAfterOrgan":      {[]Option{WithPolicies(own("a", 1)), WithPolicies(own("b", 2))}, 1, 2, 30 * time.Second},
		"OrganAfterItself":     {[]Option{WithPolicies(own("a", 1)), WithPolicies(own("a", 2))}, 2, 30 * time.Second, 30 * time.Second},
		"ZeroStandsForDefault": {[]Option{every, WithPolicy(supervision.Policy{})}, 30 * time.Second, 30 * time.Second, 30 * time.Second},
	} {
		var s settings
		for _, o := range c.options {
			o(&s)
		}
		assert.Equal(t, c.a, s.policies.For("a").Timeout, name)
		assert.Equal(t, c.b, s.policies.For("b").Timeout, name)
		assert.Equal(t, c.rest, s.policies.For("c").Timeout, name)
	}
}

func TestWithPoliciesLeavesThoseOfTheCallerAlone(t *testing.T) {
	t.Parallel()
	mine := supervision.Policies{Organs: map[string]supervision.Policy{"a": lasting(1)}}
	var s settings
	WithPolicies(mine)(&s)
	WithPolicies(supervision.Policies{Organs: map[string]supervision.Policy{"b": lasting(2)}})(&s)
	assert.Len(t, mine.Organs, 1)
}
