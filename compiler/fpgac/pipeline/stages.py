"""The stages of a compile: what each is called, depends on and makes.

Those of :class:`SpecStages` depend on the spec alone, so that all of its targets share them; those
of :class:`TargetStages` are one target's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import numpy as np

from fpgac.build.folder import Files
from fpgac.build.stage import Stage
from fpgac.design.contract import Contract
from fpgac.design.design import Design
from fpgac.design.render import overridden
from fpgac.digest import digest_bytes, digest_json
from fpgac.engines.built import CardPlan
from fpgac.engines.delivered import not_run
from fpgac.engines.engine import Engine, Known, Vectors
from fpgac.engines.proving import Proof, Question, prove
from fpgac.pipeline.identity import compiler_digest, is_installed, versions
from fpgac.pipeline.packaging import archive_path, package_files
from fpgac.pipeline.settings import hls_settings, reuse_line
from fpgac.pipeline.sources import Sources
from fpgac.pipeline.values import (
    AboutVectors,
    AccuracyReport,
    Answers,
    CardSide,
    CheckedCore,
    ProofVectors,
    dump_network,
    dump_original,
    dump_program,
    dump_proof,
    load_network,
    load_original,
    load_program,
    load_proof,
)
from fpgac.plain import to_plain
from fpgac.plugins import Target
from fpgac.plugins.guarded import calling
from fpgac.steps.plan import CONTRACT
from fpgac.tensors import Layout

if TYPE_CHECKING:
    from fpgac.decoding import Decoding
    from fpgac.engines.original import OriginalAnswers
    from fpgac.network.network import Network
    from fpgac.numbers import FixedPoint, IntArray
    from fpgac.program.program import Program

__all__ = ["LINKED", "SpecStages", "TargetStages", "ValueOf"]

T = TypeVar("T")


class ValueOf(Protocol):
    """What finds or makes a stage's value."""

    def __call__(self, stage: Stage[T], /) -> T: ...


# What v++ linked, as the lock has it, where the board loads something that is made of that.
LINKED: Final = "linked"
# What a build's vectors say of their answers where the spec names no data.
_NO_DATA: dict[str, Any] = {"task": "", "names": [], "quantity": None}


def _describe_program(program: Program) -> str:
    return f"{len(program.operations)} operations, digest {program.digest[:12]}"


class SpecStages:
    """The stages that depend on the spec, whatever its targets."""

    def __init__(self, sources: Sources, value: ValueOf) -> None:
        self.sources, self.spec, self.value = sources, sources.spec, value
        self.versions = versions()

    def key(self, stage: str, *parts: object, things: Iterable[object] = ()) -> str:
        """A stage's key: what it depends on, the compiler that makes it, and what plugins do."""
        return digest_json([stage, compiler_digest(*things), self.versions, *parts])

    def said(self, *sections: str) -> object:
        """What the spec says in these sections."""
        return json.loads(self.spec.model_dump_json(include=set(sections)))

    @property
    def data_things(self) -> tuple[object, ...]:
        """What gives the data, where there are any."""
        return (self.sources.provider,) if self.sources.has_data else ()

    @property
    def scaling_key(self) -> object:
        """What scalings depend on beside the data; None where there are none."""
        data = self.spec.data
        asked = (data.scaling, data.target_scaling) if data else ()
        if not any(asked):
            return None
        sources, provider = self.sources, self.sources.provider
        names = (provider.feature_names, provider.target_names)
        if not any(isinstance(each, str) for each in asked):
            return self.said("data"), names
        found = sources.data_digest if sources.is_imported else sources.network_digest
        return self.said("data"), names, found

    @cached_property
    def network(self) -> Stage[Network]:
        """The trained network, as its file has it."""
        content = self.sources.network_digest
        said = self.said("topology", "quantisation", "interface")
        return Stage(
            "network",
            self.key("network", content, said, things=[self.sources.source]),
            self.sources.read_network,
            dump_network,
            load_network,
            self._describe_network,
            in_folder=False,
        )

    def _describe_network(self, network: Network) -> str:
        weights = network.weights
        zeros = (weights == 0).sum() / max(weights.size, 1)
        return f"{network}, {weights.size:,} weights, {zeros:.0%} of them zero"

    @cached_property
    def copies(self) -> Stage[Files]:
        """The spec and the network's file, as they are: what the build was made from."""
        files = self.sources.copies
        digests = {path: digest_bytes(file.content) for path, file in files.items()}
        return Stage(
            "sources",
            self.key("sources", digests),
            lambda: files,
            lambda value: value,
            lambda value: value,
            ", ".join,
            in_store=False,
        )

    @cached_property
    def program(self) -> Stage[Program]:
        """What the network means."""
        key = self.key("program", self.network.key, self.said("interface"))
        return Stage("program", key, self._meaning, dump_program, load_program, _describe_program)

    def _meaning(self) -> Program:
        from fpgac.network.meaning import meaning

        return meaning(self.value(self.network), self._output_types)

    @property
    def _output_types(self) -> dict[str, FixedPoint]:
        """The types of the results that are not to keep every bit."""
        return self.spec.output_types(output.name for output in self.value(self.network).outputs)

    @cached_property
    def inputs(self) -> Layout:
        """How a sample of all inputs lies in a row, with what hosts scale it by."""
        if self.spec.topology is not None:
            return self.sources.inputs
        return self.value(self.network).input_layout.with_scaling(self.sources.scaling)

    @property
    def decodings(self) -> dict[str, Decoding]:
        """What is made of the results, by the outputs' names, where anything is."""
        from fpgac.data.scaling import inverse

        asked = self.spec.decodings(output.name for output in self.value(self.network).outputs)
        scaled = self.sources.target_scaling
        return asked | {name: inverse(scaling) for name, scaling in scaled.items()}

    @cached_property
    def vectors(self) -> Stage[ProofVectors]:
        """What all engines are asked."""
        sources, said = self.sources, self.said("data", "proof", "interface")
        return Stage(
            "vectors",
            self.key(
                "vectors",
                self.said("topology") if self.spec.topology else self.network.key,
                sources.data_digest,
                said,
                self.scaling_key,
                things=self.data_things,
            ),
            self._make_vectors,
            ProofVectors.dump,
            lambda files: ProofVectors.load(files, self.inputs),
            str,
        )

    def _make_vectors(self) -> ProofVectors:
        proof, inputs = self.spec.proof, self.inputs
        vectors = Vectors("vectors", inputs, self.sources.vectors(inputs, proof.data, proof.random))
        if not self.sources.has_data:
            return ProofVectors(vectors, np.empty((0, 0)), AboutVectors(0, proof.random, _NO_DATA))
        test = self.sources.split.test
        data = min(proof.data, len(test))
        return ProofVectors(
            vectors,
            test.targets[:data],
            AboutVectors(data, proof.random, {**test.about_answers, "scaled": self._is_scaled}),
        )

    @property
    def _is_scaled(self) -> bool:
        """Whether the network's numbers are scaled targets."""
        return bool(self.sources.target_scaling)

    def _more_test_data(self) -> tuple[Vectors, ...]:
        """All of the test data, unless the vectors hold it all already."""
        if not self.sources.has_data or len(self.sources.split.test) <= self.spec.proof.data:
            return ()
        return (Vectors("test data", self.inputs, self.sources.split.test.features),)

    def report(self, answers: Stage[Answers]) -> Stage[AccuracyReport]:
        """How well the chip answers the data."""
        return Stage(
            "report",
            self.key("report", answers.key, is_installed("matplotlib")),
            self._judge,
            AccuracyReport.dump,
            AccuracyReport.load,
            lambda report: ", ".join(report.dump()),
        )

    def _judge(self) -> AccuracyReport:
        from fpgac.data.accuracy import judge
        from fpgac.data.scaling import undone
        from fpgac.engines.program import ExactProgram

        test, program = self.sources.split.test, self.value(self.program)
        vectors = Vectors("test data", self.inputs, test.features)
        words = ExactProgram(program).words(vectors)
        outputs = program.output_layout
        numbers = undone(outputs.number(words), outputs, self.sources.target_scaling)
        report = AccuracyReport.of(judge(test, numbers))
        return report.with_warnings((*self._data_warnings(), *self._output_warnings(vectors)))

    def _data_warnings(self) -> tuple[str, ...]:
        from fpgac.data.warnings import data_warnings

        return data_warnings(self.sources.split, self.inputs)

    def _output_warnings(self, vectors: Vectors) -> tuple[str, ...]:
        """Where outputs have types of their own, whether these hold what the network gives."""
        if not self._output_types:
            return ()
        from fpgac.data.warnings import output_warnings
        from fpgac.engines.program import ExactProgram
        from fpgac.network.meaning import meaning

        whole = meaning(self.value(self.network))
        numbers = whole.output_layout.number(ExactProgram(whole).words(vectors))
        return output_warnings(numbers, self.value(self.program).output_layout)


class TargetStages(SpecStages):
    """The stages of one target, whose ``options`` a spec gives."""

    def __init__(self, sources: Sources, value: ValueOf, target: Target[Any], options: Any) -> None:
        super().__init__(sources, value)
        self.target, self.options = target, options

    @cached_property
    def core(self) -> Stage[CheckedCore]:
        """The network as HLS C++, held against its program."""
        said = self.said("interface", "topology")
        # The program, which has a key of its own, is all that the bus depends on besides.
        settings = to_plain(hls_settings(self.spec, self.target, self.options), [])
        return Stage(
            "core",
            self.key(
                *("core", self.network.key, self.program.key, said, settings),
                *(self.target.interface, self.scaling_key),
            ),
            self._lower,
            CheckedCore.dump,
            CheckedCore.load,
            str,
            in_folder=False,
        )

    def _lower(self) -> CheckedCore:
        from fpgac.core.lowering import lower
        from fpgac.core.reuse import reuse_factors
        from fpgac.rules.claim import check_claim

        network, program = self.value(self.network), self.value(self.program)
        edges = (*network.inputs, *program.output_layout.tensors)
        hls = hls_settings(self.spec, self.target, self.options, edges)
        core = lower(network, hls, types=self._output_types)
        reuse = reuse_line(hls, reuse_factors(network, hls))
        undecided = check_claim(program, core).undecided
        edged = core.with_edges(self.sources.scaling, self.decodings)
        return CheckedCore(edged, undecided, reuse)

    @property
    def clock_mhz(self) -> float:
        """The kernel's clock."""
        return hls_settings(self.spec, self.target, self.options).clock_mhz

    @cached_property
    def original(self) -> Stage[OriginalAnswers] | None:
        """What the original of an imported network answers, whose layers are held against it.

        None where there is no original, or its framework is not installed.
        """
        if not self.sources.is_imported:
            return None
        from fpgac.engines.original import OriginalModel

        network = self.value(self.network)
        if OriginalModel(network, network.input_layout).missing():
            return None
        return Stage(
            "original",
            self.key("original", self.network.key, self.vectors.key),
            self._study,
            dump_original,
            load_original,
            lambda answers: f"{len(answers.layers)} layers do what the original's do",
            in_folder=False,
        )

    def _study(self) -> OriginalAnswers:
        from fpgac.engines.original import study

        sets = [self.value(self.vectors).vectors, *self._more_test_data()]
        path, trust = self.sources.file.network_path, self.sources.trusts
        return study(self.value(self.network), path, sets, trust=trust)

    def answers(
        self, library: Path, built: str, progress: Callable[[str, float], None]
    ) -> Stage[Answers]:
        """The words that the vectors must have, as every engine agrees that needs no card.

        ``library`` is the C simulation and ``built`` its digest; ``progress`` hears which engine is
        under way, and how far it is.
        """
        keras = is_installed("tensorflow") and is_installed("qkeras")
        original = self.original and self.original.key
        return Stage(
            "answers",
            # Of the core, the words are a matter of what was built alone, not of its clock.
            self.key(
                *("answers", self.vectors.key, self.program.key, self.scaling_key, built, keras),
                *(original, self.spec.proof.difference),
            ),
            lambda: self._answer(library, progress),
            Answers.dump,
            Answers.load,
            str,
        )

    def _answer(self, library: Path, progress: Callable[[str, float], None]) -> Answers:
        from fpgac.engines.csim import CSimulation
        from fpgac.engines.keras import recorded
        from fpgac.engines.program import ExactProgram, ProgramInNumpy

        network, program = self.value(self.network), self.value(self.program)
        outputs, vectors = program.output_layout, self.value(self.vectors).vectors
        sets = [vectors, *self._more_test_data()]
        model = self._model(outputs)
        sets += [each for each in model.vectors if each.title == "data"]
        questions = [
            model,
            Question(CSimulation(library, self.value(self.core).core), (vectors,)),
            Question(ProgramInNumpy(program), (vectors,)),
        ]
        if (known := recorded(network, outputs)) is not None:
            questions.append(Question(known, (known.vectors,)))
            sets.append(known.vectors)
        reference = Question(ExactProgram(program), tuple(sets))
        proof, words = prove(reference, questions, outputs, progress)
        self._require_close(words[vectors.title], outputs)
        return Answers.of(words[vectors.title], outputs, proof)

    def _model(self, outputs: Layout) -> Question:
        """The framework's model of the network: the original, or one made from its integers.

        Where all that the original gives are floats, whose formats were chosen for data, it is
        asked the data alone.
        """
        from fpgac.engines.keras import Keras
        from fpgac.engines.original import OriginalModel

        network, made = self.value(self.network), self.value(self.vectors)
        sets = (made.vectors, *self._more_test_data())
        if not self.sources.is_imported:
            return Question(Keras(network, outputs), sets)
        if self.original is None:
            return Question(OriginalModel(network, outputs), sets)
        answers = self.value(self.original).outputs
        model = OriginalModel(network, outputs, answers)
        count = made.about.data
        if not count or len(model.approximate) < len(outputs.tensors):
            return Question(model, sets)
        data = Vectors("data", self.inputs, made.vectors.numbers[:count])
        rest = answers[len(made.vectors) :]
        chosen = np.concatenate([answers[:count], rest])
        return Question(replace(model, outputs=chosen), (data, *sets[1:]))

    def _require_close(self, words: IntArray, outputs: Layout) -> None:
        """The words of an imported network are as close to the original as the spec asks.

        Random samples count only where there are no data: formats are chosen for those.
        """
        if self.original is None:
            return
        from fpgac.engines.original import require_close

        about, proof = self.value(self.vectors).about, self.spec.proof
        count = about.data or about.random
        original = self.value(self.original).outputs[:count]
        require_close(self.value(self.network), original, words[:count], outputs, proof.difference)

    @cached_property
    def design(self) -> Stage[Design]:
        """All files for the board."""
        options = json.loads(self.options.model_dump_json())
        about = [self.sources.data_digest, self.said("data"), self.sources.report_digest]
        templates = self.sources.plugins.templates_digest(self.target.name)
        said = self.said("name", "description")
        name = self.target.name
        return Stage(
            "design",
            self.key(
                *("design", self.core.key, name, said, options, templates, about),
                self.target.board.model_dump_json(),
                things=[self.target, *self.data_things],
            ),
            self._design,
            lambda design: design.files,
            lambda files: Design(self.spec.name, name, files),
            lambda design: f"{len(design.files)} files: kernel, {len(self.hosts)} hosts, scripts",
        )

    def _design(self) -> Design:
        asked: set[str] = set()
        plugins, name = self.sources.plugins, self.target.name
        network = self.value(self.network)
        core = replace(self.value(self.core).core, about=self.sources.about(network.digest))
        with overridden(plugins.loaders(name, asked)):
            design = self.target.design(
                self.spec.name,
                core,
                self.options,
                description=self.spec.description,
            )
        plugins.require_used(name, asked)
        return design

    @property
    def hosts(self) -> tuple[str, ...]:
        """The design's hosts."""
        return self.target.hosts(self.options)

    @cached_property
    def contract(self) -> Contract:
        """What kernel and hosts agree on."""
        with calling(self.target, "design"):
            return Contract.from_json(self.value(self.design).files[CONTRACT].content)

    @cached_property
    def card(self) -> Stage[CardSide]:
        """What is built for the emulated card, and how."""
        return Stage(
            "plan",
            self.key("plan", self.design.key, self.program.key),
            self._card,
            CardSide.dump,
            CardSide.load,
            lambda card: f"{len(card.card.plan.steps)} steps",
        )

    def _card(self) -> CardSide:
        from fpgac.steps.plan import emulation_files, emulation_plan

        core, design = self.value(self.core).core, self.value(self.design)
        own = emulation_files(core, self.contract, design)
        plan = emulation_plan(core, self.contract, {**design.files, **own}, self.hosts)
        return CardSide(CardPlan(self.hosts, plan), own)

    def proof(
        self,
        answers: Stage[Answers],
        engines: Iterable[Engine],
        built: object,
        progress: Callable[[str, float], None],
    ) -> Stage[Proof]:
        """``engines``, those that need what was ``built``, on the build's vectors."""
        asked = list(engines)
        available = {engine.name: [engine.missing(), *engine.covers] for engine in asked}
        # Hosts in Python run as they are, and so may what a target's own engine runs.
        design = self.value(self.design)
        parts = [design.part("hosts").digest, sorted(design.files)]
        if self.target.engines:
            parts.append(design.digest)
        return Stage(
            "proof",
            self.key("proof", answers.key, built, parts, available, things=self.target.engines),
            lambda: self._prove(self.value(answers), asked, progress),
            dump_proof,
            load_proof,
            lambda proof: ", ".join(agreement.engine for agreement in proof.agreements),
            in_store=False,
        )

    def _prove(
        self, answers: Answers, engines: Iterable[Engine], progress: Callable[[str, float], None]
    ) -> Proof:
        vectors, outputs = self.value(self.vectors).vectors, self.contract.output_layout
        reference, *_ = answers.proof.agreements
        known = Known(reference.engine, vectors, answers.words(outputs))
        asked = list(engines)
        questions = (Question(engine, (vectors,)) for engine in asked)
        proof, _ = prove(Question(known, (vectors,)), questions, outputs, progress)
        ran = [engine for engine in asked if engine.missing() is None]
        unseen = not_run(self.value(self.design).files, ran)
        return replace(proof, agreements=proof.agreements[1:], not_run=unseen)

    @property
    def hardware_key(self) -> str:
        """The key of what the board loads: whatever was built from this very design."""
        return self.key("hardware", self.design.key)

    @property
    def linked_key(self) -> str:
        """The key of what v++ linked, where the board loads what another makes of that."""
        return self.key(LINKED, self.design.key)

    def package(self, answers: Stage[Answers], proof: Stage[Proof], program: Files) -> Stage[Files]:
        """The Python host for pip, and the same for the board, with ``program`` if it is built."""
        digests = {path: digest_bytes(file.content) for path, file in program.items()}
        return Stage(
            "package",
            self.key("package", self.design.key, proof.key, digests),
            lambda: self._package(self.value(answers), program),
            lambda files: files,
            lambda files: files,
            lambda files: archive_path(self.spec, self.target.board),
        )

    def _package(self, answers: Answers, program: Files) -> Files:
        design, vectors = self.value(self.design), self.value(self.vectors)
        with overridden(self.sources.plugins.loaders(self.target.name)):
            return package_files(
                self.spec,
                self.target.board,
                design,
                self.contract,
                vectors,
                answers,
                program,
            )
