package spine

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRouteNamesTheOrgansOfAnEvent(t *testing.T) {
	t.Parallel()
	r := newRoute(Service{Name: "shop", Organs: []OrganSpec{
		{Name: "charge", Types: []string{"ORDER"}},
		{Name: "stock", Types: []string{"ORDER", "RETURN"}},
	}})
	for _, x := range []struct {
		name, typ, only string
		want            []int32
	}{
		{"all who listen", "ORDER", "", []int32{0, 1}},
		{"one who listens", "RETURN", "", []int32{1}},
		{"again the first, which is not remembered", "ORDER", "", []int32{0, 1}},
		{"nobody", "STRANGE", "", nil},
		{"to one of them", "ORDER", "shop/stock", []int32{1}},
		{"to one who does not listen", "RETURN", "shop/charge", nil},
		{"to nobody here", "ORDER", "shop/mail", nil},
		{"to another service", "ORDER", "depot/stock", nil},
		{"to no organ", "ORDER", "shop", nil},
	} {
		assert.Equal(t, x.want, r.organs(x.typ, x.only), x.name)
	}
}
