package main

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"testing"
)

// The golden vectors of packages/contract/vectors, which the TypeScript and Python verifiers pass too.

type named struct {
	Name     string
	Accepted bool
}

// besides is who is believed beside the ledger's key.
type besides struct {
	Earlier, Witnesses []string
	Needed             int
}

type vectors struct {
	Key    string
	Bodies []struct {
		named
		Body string
	}
	Tree struct {
		EntryHashes []string `json:"entry_hashes"`
		Roots       []string
	}
	Inclusion []struct {
		named
		Leaf, Root  string
		Index, Size int64
		Proof       []string
	}
	Consistency []struct {
		named
		From, To int64
		FromRoot string `json:"from_root"`
		ToRoot   string `json:"to_root"`
		Proof    []string
	}
	Notes []struct {
		named
		Key, Note string
	}
	WitnessedNotes []struct {
		named
		Note    string
		Besides besides
	} `json:"witnessed_notes"`
	Receipts []struct {
		named
		Receipt string
	}
	Exports struct {
		Lines []string
		Cases []struct {
			Name    string
			Lines   []int
			Pin     *string
			Besides besides
			Answer  map[string]any
		}
	}
}

func load(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("../../packages/contract/vectors/" + name)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func golden(t *testing.T) (v vectors, trust Trust) {
	t.Helper()
	load(t, "ledger-verify.json", &v)
	trust, err := v.trusting(besides{})
	if err != nil {
		t.Fatal(err)
	}
	return v, trust
}

func (v vectors) trusting(b besides) (Trust, error) {
	return trustOf(append(words{v.Key}, b.Earlier...), b.Witnesses, b.Needed)
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// proofOf is false where a hash has another length: such a proof cannot even be asked about.
func proofOf(t *testing.T, texts []string) ([]Hash, bool) {
	t.Helper()
	hashes := make([]Hash, 0, len(texts))
	for _, text := range texts {
		data := unhex(t, text)
		if len(data) != len(Hash{}) {
			return nil, false
		}
		hashes = append(hashes, Hash(data))
	}
	return hashes, true
}

func expect(t *testing.T, name string, got, wanted bool) {
	t.Helper()
	if got != wanted {
		t.Errorf("%s: accepted %v, expected %v", name, got, wanted)
	}
}

func TestTheChainOfAllTypesAndFieldsHashesAsRecorded(t *testing.T) {
	var chain struct {
		Deployment, Tenant string
		GenesisHash        string `json:"genesis_hash"`
		Entries            []struct {
			Body      string
			EntryHash string `json:"entry_hash"`
		}
	}
	load(t, "ledger-entries.json", &chain)
	previous := GenesisHash(chain.Deployment, unhex(t, chain.Tenant))
	if hex.EncodeToString(previous[:]) != chain.GenesisHash {
		t.Error("another genesis hash")
	}
	for _, entry := range chain.Entries {
		body := unhex(t, entry.Body)
		if _, err := DecodeBody(body); err != nil {
			t.Error(err)
		}
		if previous, _ = EntryHash(nil, previous, body); hex.EncodeToString(previous[:]) != entry.EntryHash {
			t.Error("another entry hash")
		}
	}
}

func TestBodiesAreAcceptedAndRefusedAsRecorded(t *testing.T) {
	v, _ := golden(t)
	for _, each := range v.Bodies {
		_, err := DecodeBody(unhex(t, each.Body))
		expect(t, each.Name, err == nil, each.Accepted)
	}
}

func TestRootsAreThoseRecorded(t *testing.T) {
	v, _ := golden(t)
	tree, err := NewTree(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	for size, wanted := range v.Tree.Roots {
		if root := tree.Root(); hex.EncodeToString(root[:]) != wanted {
			t.Errorf("another root of %d", size)
		}
		if size < len(v.Tree.EntryHashes) {
			tree.Push(Hash(unhex(t, v.Tree.EntryHashes[size])))
		}
	}
}

func TestProofsHoldAndFailAsRecorded(t *testing.T) {
	v, _ := golden(t)
	for _, each := range v.Inclusion {
		proof, whole := proofOf(t, each.Proof)
		leaf, root := Hash(unhex(t, each.Leaf)), Hash(unhex(t, each.Root))
		expect(t, each.Name, whole && InclusionHolds(leaf, each.Index, each.Size, proof, root), each.Accepted)
	}
	for _, each := range v.Consistency {
		proof, whole := proofOf(t, each.Proof)
		from, to := Hash(unhex(t, each.FromRoot)), Hash(unhex(t, each.ToRoot))
		expect(t, each.Name, whole && ConsistencyHolds(each.From, each.To, from, to, proof), each.Accepted)
	}
}

func TestNotesAreOpenedAndRefusedAsRecorded(t *testing.T) {
	v, _ := golden(t)
	for _, each := range v.Notes {
		trust, err := trustOf(words{each.Key}, nil, 0)
		if err == nil {
			_, err = OpenCheckpoint(each.Note, trust)
		}
		expect(t, each.Name, err == nil, each.Accepted)
	}
}

func TestNotesWithWitnessesAndEarlierKeysAreOpenedAndRefusedAsRecorded(t *testing.T) {
	v, _ := golden(t)
	for _, each := range v.WitnessedNotes {
		opened := Checkpoint{}
		trust, err := v.trusting(each.Besides)
		if err == nil {
			opened, err = OpenCheckpoint(each.Note, trust)
		}
		expect(t, each.Name, err == nil && opened.IsWitnessed, each.Accepted)
	}
}

func TestReceiptsHoldAndFailAsRecorded(t *testing.T) {
	v, key := golden(t)
	for _, each := range v.Receipts {
		_, err := VerifyReceipt(each.Receipt, key)
		expect(t, each.Name, err == nil, each.Accepted)
	}
}

func TestExportsAreJudgedAsRecorded(t *testing.T) {
	v, _ := golden(t)
	for _, each := range v.Exports.Cases {
		trust, err := v.trusting(each.Besides)
		if err != nil {
			t.Fatal(err)
		}
		var pin *Checkpoint
		if each.Pin != nil {
			opened, err := OpenCheckpoint(*each.Pin, trust)
			if err != nil {
				t.Fatal(err)
			}
			pin = &opened
		}
		export := NewExport(trust, pin)
		for _, line := range each.Lines {
			export.Push([]byte(v.Exports.Lines[line]))
		}
		var answer map[string]any
		data, err := json.Marshal(export.End())
		if err == nil {
			err = json.Unmarshal(data, &answer)
		}
		if err != nil {
			t.Fatal(err)
		}
		delete(answer, "problem")
		if answer["result"] == "FAIL" {
			delete(answer, "entries")
			delete(answer, "checkpoints")
		}
		if !reflect.DeepEqual(answer, each.Answer) {
			t.Errorf("%s: %v, expected %v", each.Name, answer, each.Answer)
		}
	}
}

func TestAnEntryWrittenInAnotherWayIsReadAlike(t *testing.T) {
	v, key := golden(t)
	whole := v.Exports.Cases[0]
	export := NewExport(key, nil)
	for _, number := range whole.Lines {
		var loose any
		if err := json.Unmarshal([]byte(v.Exports.Lines[number]), &loose); err != nil {
			t.Fatal(err)
		}
		line, err := json.MarshalIndent(loose, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		export.Push(line)
	}
	if answer := export.End(); answer.Result != "PASS" {
		t.Errorf("%s", *answer.Problem)
	}
}
