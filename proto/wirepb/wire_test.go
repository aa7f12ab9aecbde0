package wirepb_test

import (
	"encoding/hex"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/necrostack/necrostack/proto/wirepb"
)

func fullEnvelope() *wirepb.Envelope {
	return &wirepb.Envelope{
		Version:       1,
		Id:            []byte("0123456789abcdef"),
		TimeUs:        1_700_000_000_000_001,
		EventType:     "ORDER_SUBMITTED",
		Payload:       []byte(`{"n":1}`),
		Kind:          wirepb.PayloadKind_PROTOBUF,
		Key:           "k",
		HasKey:        true,
		CorrelationId: []byte("c"),
		CausationId:   []byte("p"),
		Hops:          3,
		DueUs:         1_700_000_000_000_002,
		Traceparent:   "00-t",
		Meta:          map[string]string{"a": "b"},
		Only:          "desk/audit",
	}
}

// TestWireFormNeverChanges holds every field's number and type to bytes that
// are already in somebody's store. When it fails, the change to wire.proto is
// wrong, not the test.
func TestWireFormNeverChanges(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		m    proto.Message
		want string
	}{
		{"envelope", fullEnvelope(), "0801" +
			"1210" + hexOf("0123456789abcdef") +
			"188180f9c0c1c48203" +
			"220f" + hexOf("ORDER_SUBMITTED") +
			"2a07" + hexOf(`{"n":1}`) +
			"3001" +
			"3a01" + hexOf("k") +
			"4001" +
			"4a01" + hexOf("c") +
			"5201" + hexOf("p") +
			"5803" +
			"608280f9c0c1c48203" +
			"6a04" + hexOf("00-t") +
			"7206" + "0a01" + hexOf("a") + "1201" + hexOf("b") +
			"7a0a" + hexOf("desk/audit")},
		{"record", &wirepb.Record{Seq: 1, Event: []byte("e"), Version: 2, Digest: 3},
			"0801" + "1201" + hexOf("e") + "1802" + "210300000000000000"},
		{"snapshot", &wirepb.Snapshot{Seq: 1, Version: 2, Schema: "json", State: []byte("s"), Sha256: []byte("h"), LastUs: 4},
			"0801" + "1002" + "1a04" + hexOf("json") + "2201" + hexOf("s") + "2a01" + hexOf("h") + "3004"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := proto.MarshalOptions{Deterministic: true}.Marshal(tt.m)
			if err != nil {
				t.Fatal(err)
			}
			if hex.EncodeToString(got) != tt.want {
				t.Errorf("encoded as\n%x, want\n%s", got, tt.want)
			}
		})
	}
}

func hexOf(s string) string { return hex.EncodeToString([]byte(s)) }
