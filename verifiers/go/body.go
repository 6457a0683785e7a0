package main

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// The body of an entry: docs/ledger-format.md, "The body" and "Fields".

const (
	bodyHeader  = 86
	bodyMax     = 16 * 1024 * 1024
	typeGenesis = 1
	typeRotates = 8

	tagDeployment = 96
	tagNextKey    = 97
	tagNextMAC    = 98
)

// Body is what a verifier needs of an entry; its slices are views of the bytes.
type Body struct {
	Type       byte
	Tenant     []byte
	Sequence   uint64
	MACKey     uint32
	Deployment []byte
	NextKey    []byte
	NextMAC    []byte
}

var errTruncated = errors.New("truncated")

var kindOfTag = map[uint16]func([]byte) error{
	20: exactly(32), 98: exactly(32),
	49: exactly(4), 52: exactly(4), 97: exactly(4),
	37: exactly(8), 38: exactly(8), 55: exactly(8), 81: exactly(8),
	32: checkUsage, 39: checkCounters, 80: checkCounts, 54: checkLimits,
}

func init() {
	texts := []uint16{1, 2, 3, 4, 5, 6, 16, 17, 18, 19, 21, 22, 33, 34, 35, 36, 48, 50, 51, 53, 56, 64, 65, 66, 67, 68, 96}
	for _, tag := range texts {
		kindOfTag[tag] = checkText
	}
}

// DecodeBody accepts strictly well-formed bytes.
func DecodeBody(body []byte) (Body, error) {
	switch {
	case len(body) < bodyHeader || len(body) > bodyMax:
		return Body{}, errors.New("body: too short or too long")
	case body[0] != 1:
		return Body{}, errors.New("version: unknown")
	case body[1] < 1 || body[1] > 10:
		return Body{}, errors.New("type: unknown")
	case body[79] > 4:
		return Body{}, errors.New("usage source: unknown")
	case string(body[76:79]) != "USD":
		return Body{}, errors.New("currency: expected USD")
	}
	decoded := Body{
		Type:     body[1],
		Tenant:   body[4:20],
		Sequence: binary.BigEndian.Uint64(body[20:]),
		MACKey:   binary.BigEndian.Uint32(body[80:]),
	}
	return decoded, decoded.readFields(body)
}

func (b *Body) readFields(body []byte) error {
	at, last := bodyHeader, -1
	for n := binary.BigEndian.Uint16(body[84:]); n > 0; n-- {
		if at+6 > len(body) {
			return errTruncated
		}
		tag, length := binary.BigEndian.Uint16(body[at:]), int64(binary.BigEndian.Uint32(body[at+2:]))
		if int(tag) <= last {
			return fmt.Errorf("tag %d: duplicate or descending", tag)
		}
		if int64(at)+6+length > int64(len(body)) {
			return fmt.Errorf("tag %d: truncated", tag)
		}
		data := body[at+6 : at+6+int(length)]
		// A tag that is not known here belongs to a later version, and is kept.
		if check := kindOfTag[tag]; check != nil {
			if err := check(data); err != nil {
				return fmt.Errorf("tag %d: %w", tag, err)
			}
		}
		switch tag {
		case tagDeployment:
			b.Deployment = data
		case tagNextKey:
			b.NextKey = data
		case tagNextMAC:
			b.NextMAC = data
		}
		at, last = at+6+int(length), int(tag)
	}
	if at != len(body) {
		return errors.New("body: trailing bytes")
	}
	return nil
}

func exactly(length int) func([]byte) error {
	return func(data []byte) error {
		if len(data) != length {
			return fmt.Errorf("expected %d bytes, got %d", length, len(data))
		}
		return nil
	}
}

func checkText(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("not UTF-8")
	}
	return nil
}

func checkUsage(data []byte) error {
	last := -1
	for ; len(data) >= 9; data = data[9:] {
		class, units := int(data[0]), binary.BigEndian.Uint64(data[1:])
		if class > 18 || class <= last || units > sizeMax {
			return errors.New("usage: unknown class, out of order, or above 2^53 - 1")
		}
		last = class
	}
	if len(data) != 0 {
		return errTruncated
	}
	return nil
}

// shortText takes a length and a text, and gives what is behind them.
func shortText(data []byte) ([]byte, error) {
	if len(data) < 1 || len(data) < 1+int(data[0]) {
		return nil, errTruncated
	}
	end := 1 + int(data[0])
	return data[end:], checkText(data[1:end])
}

// items checks n × (texts short texts | rest bytes).
func items(data []byte, texts, rest int, check func([]byte) error) error {
	for len(data) > 0 {
		var err error
		for i := 0; i < texts; i++ {
			if data, err = shortText(data); err != nil {
				return err
			}
		}
		if len(data) < rest {
			return errTruncated
		}
		if err := check(data[:rest]); err != nil {
			return err
		}
		data = data[rest:]
	}
	return nil
}

func anything([]byte) error { return nil }

func checkCounters(data []byte) error { return items(data, 2, 8, anything) }
func checkCounts(data []byte) error   { return items(data, 1, 4, anything) }

func checkLimits(data []byte) error {
	return items(data, 1, 4+4+4*8, func(limit []byte) error {
		for i, highest := range []byte{10, 2, 5, 1} {
			if limit[i] > highest {
				return errors.New("limits: unknown number")
			}
		}
		return nil
	})
}

// GenesisHash stands before the first entry of a ledger.
func GenesisHash(deployment string, tenant []byte) Hash {
	return sha256.Sum256(append([]byte("tollhouse/genesis/v1\x00"+deployment), tenant...))
}

// EntryHash binds a body to everything before it. `scratch` is written over, so that no entry costs an allocation.
func EntryHash(scratch []byte, previous Hash, body []byte) (Hash, []byte) {
	scratch = append(scratch[:0], "tollhouse/entry/v1\x00"...)
	scratch = append(scratch, previous[:]...)
	scratch = binary.BigEndian.AppendUint32(scratch, uint32(len(body)))
	scratch = append(scratch, body...)
	return sha256.Sum256(scratch), scratch
}
