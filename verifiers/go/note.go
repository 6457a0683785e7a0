package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Signed notes and checkpoints: c2sp.org/signed-note, c2sp.org/tlog-checkpoint.

const (
	noteLengthMax   = 256 * 1024
	signaturesMax   = 100
	sizeMax         = 1<<53 - 1
	algorithmLedger = 1
)

// Key is the public key of one ledger; its name is the ledger's origin.
type Key struct {
	Name   string
	Public ed25519.PublicKey
}

// Checkpoint is the head of a ledger's tree.
type Checkpoint struct {
	Size int64
	Root Hash
}

var (
	keyWord       = regexp.MustCompile(`^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$`)
	signatureLine = regexp.MustCompile("^\u2014 ([^ \n]+) ([A-Za-z0-9+/=]+)$")
	sizeText      = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})$`)
)

var strictBase64 = base64.StdEncoding.Strict()

// fromBase64 has one text for each bytes: no other alphabet, no line breaks, no stray bits.
func fromBase64(text string) ([]byte, error) {
	data, err := strictBase64.DecodeString(text)
	// Go's decoder skips line breaks.
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("expected base64")
	}
	return data, nil
}

func isKeyName(name string) bool {
	bad := func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == '+' || unicode.Is(unicode.Z, r)
	}
	return name != "" && strings.IndexFunc(name, bad) < 0
}

func keyID(name string, public []byte) []byte {
	sum := sha256.Sum256(append([]byte(name+"\n\x01"), public...))
	return sum[:4]
}

// ParseKey reads the word that GET /api/v1/ledger/public-key answers as `key`.
func ParseKey(word string) (Key, error) {
	match := keyWord.FindStringSubmatch(word)
	if match == nil || !isKeyName(match[1]) {
		return Key{}, fmt.Errorf("public key: expected name+id+base64")
	}
	data, err := fromBase64(match[3])
	if err != nil || len(data) != 1+ed25519.PublicKeySize || data[0] != algorithmLedger {
		return Key{}, fmt.Errorf("public key: expected an Ed25519 key of a ledger")
	}
	if hex.EncodeToString(keyID(match[1], data[1:])) != match[2] {
		return Key{}, fmt.Errorf("public key: its id is not that of its name and key")
	}
	return Key{Name: match[1], Public: data[1:]}, nil
}

// OpenCheckpoint gives what the key signed for its own origin. Signatures of others may stand beside it.
func OpenCheckpoint(note string, key Key) (Checkpoint, error) {
	control := func(r rune) bool { return r < 0x20 && r != '\n' }
	if len(note) > 4*noteLengthMax || !utf8.ValidString(note) || strings.IndexFunc(note, control) >= 0 {
		return Checkpoint{}, fmt.Errorf("note: too long, no UTF-8, or control characters")
	}
	split := strings.LastIndex(note, "\n\n")
	if split < 1 || !strings.HasSuffix(note, "\n") || split+2 >= len(note) {
		return Checkpoint{}, fmt.Errorf("note: expected a text, an empty line and signatures")
	}
	text := note[:split+1]
	lines := strings.Split(note[split+2:len(note)-1], "\n")
	if len(lines) > signaturesMax {
		return Checkpoint{}, fmt.Errorf("note: too many signatures")
	}
	signed := false
	for _, line := range lines {
		own, err := checkSignature(line, text, key)
		if err != nil {
			return Checkpoint{}, err
		}
		signed = signed || own
	}
	if !signed {
		return Checkpoint{}, fmt.Errorf("note: %s did not sign it with this key", key.Name)
	}
	return parseCheckpoint(text, key.Name)
}

// checkSignature says whether the line is the key's own; one that is, and does not hold, makes the whole note worthless.
func checkSignature(line, text string, key Key) (bool, error) {
	match := signatureLine.FindStringSubmatch(line)
	if match == nil || !isKeyName(match[1]) {
		return false, fmt.Errorf("note: a line after the empty one is no signature")
	}
	data, err := fromBase64(match[2])
	if err != nil || len(data) < 5 {
		return false, fmt.Errorf("note: a line after the empty one is no signature")
	}
	if match[1] != key.Name || string(data[:4]) != string(keyID(key.Name, key.Public)) {
		return false, nil
	}
	if !ed25519.Verify(key.Public, []byte(text), data[4:]) {
		return false, fmt.Errorf("note: the signature of %s is not good", key.Name)
	}
	return true, nil
}

func parseCheckpoint(text, origin string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != origin {
		return Checkpoint{}, fmt.Errorf("checkpoint: expected three lines, the first %s", origin)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if !sizeText.MatchString(lines[1]) || err != nil || size > sizeMax {
		return Checkpoint{}, fmt.Errorf("checkpoint: size is no number below 2^53")
	}
	root, err := fromBase64(lines[2])
	if err != nil || len(root) != len(Hash{}) {
		return Checkpoint{}, fmt.Errorf("checkpoint: root: expected 32 bytes in base64")
	}
	return Checkpoint{Size: size, Root: Hash(root)}, nil
}
