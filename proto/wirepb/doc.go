// Package wirepb is the Go form of proto/wire.proto: what an event, a state
// record and a snapshot look like outside a process.
//
// An event becomes an [Envelope] when bytes are needed, at a durable backend or
// in a state [Record], and becomes an event again on the other side. Nothing
// here validates: bounds and meaning are written at the fields and kept by the
// packages that convert.
//
// The types stay behind those packages. No exported signature elsewhere shows
// them, so that the wire may grow without breaking an API.
//
// wire.pb.go is generated: edit proto/wire.proto and run `make proto`.
//
// # Decisions
//
// Keys are a string with a flag, not an optional field. Alternative: proto3
// optional. A pointer per event costs an allocation on the hot path, a flag
// costs two bytes.
//
// The file registers as necrostack/wire.proto, not as wire.proto. Alternative:
// protoc's default. File names share one registry per process, and two files
// of the same name end the program when it starts.
package wirepb
