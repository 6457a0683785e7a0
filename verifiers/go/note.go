package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
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
	noteLengthMax = 256 * 1024
	signaturesMax = 100
	sizeMax       = 1<<53 - 1
)

// What a key signs (c2sp.org/signed-note): a ledger the text, a witness the text behind its time.
const (
	AlgorithmLedger  = 1
	AlgorithmWitness = 4
)

// Key is the public key of a ledger, whose name is the ledger's origin, or of a witness.
type Key struct {
	Name      string
	Algorithm byte
	Public    ed25519.PublicKey
}

// Trust is whom an auditor believes: keys of one ledger, and how many of which witnesses must have seen a checkpoint.
type Trust struct {
	Keys      []Key
	Witnesses []Key
	Needed    int
}

// Name of the ledger.
func (t Trust) Name() string {
	return t.Keys[0].Name
}

// Checkpoint is the head of a ledger's tree.
type Checkpoint struct {
	Size int64
	Root Hash
	// IsWitnessed: as many witnesses cosigned it as are needed.
	IsWitnessed bool
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

func keyID(key Key) []byte {
	sum := sha256.Sum256(append(append([]byte(key.Name+"\n"), key.Algorithm), key.Public...))
	return sum[:4]
}

// ParseKey reads the word that GET /api/v1/ledger/public-key answers as `key`, or that the operator of a witness publishes.
func ParseKey(word string, algorithm byte) (Key, error) {
	match := keyWord.FindStringSubmatch(word)
	if match == nil || !isKeyName(match[1]) {
		return Key{}, fmt.Errorf("public key: expected name+id+base64")
	}
	data, err := fromBase64(match[3])
	if err != nil || len(data) != 1+ed25519.PublicKeySize || data[0] != algorithm {
		return Key{}, fmt.Errorf("public key: expected an Ed25519 key of algorithm %d", algorithm)
	}
	key := Key{Name: match[1], Algorithm: algorithm, Public: data[1:]}
	if hex.EncodeToString(keyID(key)) != match[2] {
		return Key{}, fmt.Errorf("public key: its id is not that of its name and key")
	}
	return key, nil
}

type signature struct {
	name string
	id   string
	data []byte
}

type note struct {
	text       string
	signatures []signature
}

func parseNote(noteText string) (note, error) {
	control := func(r rune) bool { return r < 0x20 && r != '\n' }
	if len(noteText) > 4*noteLengthMax || !utf8.ValidString(noteText) || strings.IndexFunc(noteText, control) >= 0 {
		return note{}, errors.New("note: too long, no UTF-8, or control characters")
	}
	split := strings.LastIndex(noteText, "\n\n")
	if split < 1 || !strings.HasSuffix(noteText, "\n") || split+2 >= len(noteText) {
		return note{}, errors.New("note: expected a text, an empty line and signatures")
	}
	lines := strings.Split(noteText[split+2:len(noteText)-1], "\n")
	if len(lines) > signaturesMax {
		return note{}, errors.New("note: too many signatures")
	}
	parsed := note{text: noteText[:split+1]}
	for _, line := range lines {
		match := signatureLine.FindStringSubmatch(line)
		if match == nil || !isKeyName(match[1]) {
			return note{}, errors.New("note: a line after the empty one is no signature")
		}
		data, err := fromBase64(match[2])
		if err != nil || len(data) < 5 {
			return note{}, errors.New("note: a line after the empty one is no signature")
		}
		parsed.signatures = append(parsed.signatures, signature{match[1], string(data[:4]), data[4:]})
	}
	return parsed, nil
}

// signedBy says whether the key signed; a signature of its own that does not hold makes the whole note worthless.
func (n note) signedBy(key Key) (bool, error) {
	signed, id := false, string(keyID(key))
	for _, each := range n.signatures {
		if each.name != key.Name || each.id != id {
			continue
		}
		message, data := n.text, each.data
		if key.Algorithm == AlgorithmWitness {
			// c2sp.org/tlog-cosignature: eight bytes of time, seconds since 1970, are signed in front of the text.
			if len(data) != 8+ed25519.SignatureSize {
				return false, errors.New("note: a cosignature has 72 bytes")
			}
			message = fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(data), n.text)
			data = data[8:]
		}
		if !ed25519.Verify(key.Public, []byte(message), data) {
			return false, fmt.Errorf("note: the signature of %s is not good", key.Name)
		}
		signed = true
	}
	return signed, nil
}

// OpenCheckpoint gives what the ledger signed with one of its keys. Signatures of others may stand beside it.
func OpenCheckpoint(noteText string, trust Trust) (Checkpoint, error) {
	parsed, err := parseNote(noteText)
	if err != nil {
		return Checkpoint{}, err
	}
	signed, err := parsed.count(trust.Keys)
	if err != nil {
		return Checkpoint{}, err
	}
	if signed == 0 {
		return Checkpoint{}, fmt.Errorf("note: %s did not sign it with this key", trust.Name())
	}
	seen, err := parsed.count(trust.Witnesses)
	if err != nil {
		return Checkpoint{}, err
	}
	checkpoint, err := parseCheckpoint(parsed.text, trust.Name())
	checkpoint.IsWitnessed = seen >= trust.Needed
	return checkpoint, err
}

// count of the keys that signed. One key counts once, under however many names.
func (n note) count(keys []Key) (int, error) {
	signed := map[string]bool{}
	for _, key := range keys {
		own, err := n.signedBy(key)
		if err != nil {
			return 0, err
		}
		if own {
			signed[string(key.Public)] = true
		}
	}
	return len(signed), nil
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
