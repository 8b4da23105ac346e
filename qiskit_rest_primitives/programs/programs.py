"""Runtime programs: ``RuntimeProgram``, and the methods of the service that list, upload, change and run them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any

from .._calls import even_half_made
from ..exceptions import IBMInputValueError, IBMNotAuthorizedError
from ..jobs.decoders import ResultDecoder
from ..rest.api import Api
from ..rest.messages import LONGEST_TEXT, readable
from ..wire import typed
from .api import ProgramsApi
from .job import ProgramJob
from .parameter_namespace import ParameterNamespace
from .runtime_options import RuntimeOptions
from .upload import metadata_of, source_of


class RuntimeProgram:
    """A program on the service.

    Args:
        document: What the service says about it (rest-api.md 7.1).
        fetch: Asks for it again, with its source.
    """

    def __init__(self, document: Mapping[str, Any], fetch: Callable[[str], Mapping[str, Any]]) -> None:
        self._document = dict(document)
        self._fetch = fetch

    @property
    def program_id(self) -> str:
        """Its identifier."""
        return str(self._document["id"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._document.get("name", ""))

    @property
    def description(self) -> str:
        """What it does."""
        return str(self._document.get("description") or "")

    @property
    def max_execution_time(self) -> int:
        """Its longest run time, seconds."""
        return int(self._document.get("cost") or 0)

    @property
    def is_public(self) -> bool:
        """Whether everybody sees it."""
        return bool(self._document.get("is_public"))

    @property
    def creation_date(self) -> str:
        """When it was uploaded, in ISO format."""
        return str(self._document.get("creation_date") or "")

    @property
    def update_date(self) -> str:
        """When it was changed last, in ISO format."""
        return str(self._document.get("update_date") or "")

    def _spec(self, name: str) -> dict[str, Any]:
        return dict((self._document.get("spec") or {}).get(name) or {})

    @property
    def return_values(self) -> dict[str, Any]:
        """JSON Schema of what it returns."""
        return self._spec("return_values")

    @property
    def interim_results(self) -> dict[str, Any]:
        """JSON Schema of what it publishes."""
        return self._spec("interim_results")

    @property
    def backend_requirements(self) -> dict[str, Any]:
        """What it needs of a backend."""
        return self._spec("backend_requirements")

    @property
    def data(self) -> str:
        """Its source.

        Raises:
            IBMNotAuthorizedError: It is somebody else's.
        """
        if not self._document.get("data"):
            self._document = dict(self._fetch(self.program_id))
        if not self._document.get("data"):
            raise IBMNotAuthorizedError(f"Only those who uploaded {self.program_id} can read its source.")
        return str(self._document["data"])

    def parameters(self) -> ParameterNamespace:
        """Return its inputs, to be filled in and given to ``service.run``."""
        return ParameterNamespace(self._spec("parameters"))

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the source."""
        return {
            "program_id": self.program_id,
            "name": self.name,
            "description": self.description,
            "max_execution_time": self.max_execution_time,
            "creation_date": self.creation_date,
            "update_date": self.update_date,
            "is_public": self.is_public,
            "parameters": self._spec("parameters"),
            "return_values": self.return_values,
            "interim_results": self.interim_results,
            "backend_requirements": self.backend_requirements,
        }

    @even_half_made
    def __repr__(self) -> str:
        return f"<RuntimeProgram({self.program_id!r})>"

    def __str__(self) -> str:
        """Return a description for people."""
        lines = [
            f"{self.program_id}:",
            f"  Name: {self.name}",
            f"  Description: {self.description}",
            f"  Longest run time: {self.max_execution_time} s",
            "  Inputs:",
            *(f"    {line}" for line in str(self.parameters()).splitlines()),
        ]
        return readable("\n".join(lines), LONGEST_TEXT)


class ProgramMethods:
    """What a service can do with programs; part of ``QiskitRuntimeService``."""

    def api(self, instance: str | None = None) -> Api:
        """Return the REST endpoints of an instance; the service's own method."""
        raise NotImplementedError

    @property
    def channel(self) -> str:
        """The channel; the service's own property."""
        raise NotImplementedError

    def _programs(self) -> ProgramsApi:
        return ProgramsApi(self.api().transport)

    def programs(self, refresh: bool = False, limit: int | None = 20, skip: int = 0) -> list[RuntimeProgram]:
        """List the programs that can be run.

        Args:
            refresh: Accepted for compatibility; the service is always asked.
            limit: How many at most; None for all.
            skip: How many to leave out at the beginning.
        """
        del refresh
        api = self._programs()
        return [RuntimeProgram(document, api.program) for document in api.programs(limit=limit, skip=skip)]

    def pprint_programs(
        self, refresh: bool = False, detailed: bool = False, limit: int | None = 20, skip: int = 0
    ) -> None:
        """Print the programs that can be run.

        Args:
            refresh: As for ``programs``.
            detailed: Whether to print their inputs too.
            limit: How many at most; None for all.
            skip: How many to leave out at the beginning.
        """
        for program in self.programs(refresh, limit, skip):
            print("=" * 50)
            print("\n".join(str(program).splitlines()[: None if detailed else 3]))

    def program(self, program_id: str, refresh: bool = False) -> RuntimeProgram:
        """Return a program.

        Args:
            program_id: Its identifier.
            refresh: Accepted for compatibility; the service is always asked.

        Raises:
            RuntimeProgramNotFound: There is none.
        """
        del refresh
        api = self._programs()
        return RuntimeProgram(api.program(program_id), api.program)

    def upload_program(
        self,
        data: str | bytes | PathLike[str],
        metadata: Mapping[str, Any] | str | PathLike[str] | None = None,
        version: int | None = None,
    ) -> str:
        """Upload a program; it is one's own until ``set_program_visibility`` publishes it.

        Args:
            data: Its source, or the path of the file that holds it; with ``main(backend, user_messenger, **kwargs)``.
            metadata: A dict, or the path of a JSON file: ``name``, ``max_execution_time`` (seconds), ``description``,
                ``spec`` or its parts ``parameters``, ``return_values``, ``interim_results``, ``backend_requirements``.
            version: Accepted for compatibility.

        Returns:
            Its identifier.

        Raises:
            IBMInputValueError: Source or metadata cannot be read, or the name is missing.
            RuntimeDuplicateProgramError: There is a program of this name.
            IBMNotAuthorizedError: The service takes no programs.
        """
        del version
        document = metadata_of(metadata)
        if not document.get("name"):
            raise IBMInputValueError("The program's metadata must have a name.")
        return self._programs().create(source_of(data), document)

    def update_program(
        self,
        program_id: str,
        data: str | bytes | PathLike[str] | None = None,
        metadata: Mapping[str, Any] | str | PathLike[str] | None = None,
        name: str | None = None,
        description: str | None = None,
        max_execution_time: int | None = None,
        spec: Mapping[str, Any] | None = None,
        version: int | None = None,
    ) -> None:
        """Change a program; what is not given stays, and nothing at all is a warning.

        Args:
            program_id: Its identifier.
            data: Another source, as for ``upload_program``.
            metadata: Other metadata, as for ``upload_program``; single arguments win over it.
            name: Another name.
            description: Another description.
            max_execution_time: Another longest run time, seconds.
            spec: Another description of inputs and results.
            version: Accepted for compatibility.

        Raises:
            IBMInputValueError: Something cannot be read.
            RuntimeProgramNotFound: There is no such program.
        """
        del version
        given = {"name": name, "description": description, "cost": max_execution_time, "spec": spec}
        changes = metadata_of(metadata, given)
        if data is None and not changes:
            warnings.warn("Nothing was changed: give data, metadata, name, description, ...", stacklevel=2)
            return
        source = None if data is None else source_of(data)
        if changes:
            self._programs().update(program_id, changes)
        if source is not None:
            self._programs().replace_source(program_id, source)

    def delete_program(self, program_id: str) -> None:
        """Delete a program.

        Raises:
            RuntimeProgramNotFound: There is none.
        """
        self._programs().delete(program_id)

    def set_program_visibility(self, program_id: str, public: bool) -> None:
        """Let everybody see a program, or not.

        Args:
            program_id: Its identifier.
            public: Whether everybody does.

        Raises:
            RuntimeProgramNotFound: There is none.
        """
        self._programs().set_public(program_id, public)

    def run(
        self,
        program_id: str,
        inputs: Mapping[str, Any] | ParameterNamespace,
        options: RuntimeOptions | Mapping[str, Any] | None = None,
        callback: Callable[[str, Any], None] | None = None,
        result_decoder: type[ResultDecoder] | Sequence[type[ResultDecoder]] | None = None,
        session_id: str | None = None,
        start_session: bool | None = None,
    ) -> ProgramJob:
        """Run a program.

        Args:
            program_id: The program.
            inputs: Its inputs, anything that ``RuntimeEncoder`` can write; a namespace is checked first.
            options: ``RuntimeOptions``, or a dict with their names.
            callback: Called with job id and each interim result, and then the result.
            result_decoder: Reads the result, or a pair: interim results first, then the result.
            session_id: The session the job belongs to.
            start_session: Whether it begins one, whose id is the job's; on the classic channel only.

        Raises:
            IBMInputValueError: An input is not what the program wants, or an option is unknown.
            RuntimeProgramNotFound: There is no such program.
        """
        if start_session and self.channel != "ibm_quantum":
            raise IBMInputValueError("start_session is not supported any more: run the jobs in a Session.")
        if isinstance(inputs, ParameterNamespace):
            inputs.validate()
            inputs = inputs.to_dict()
        chosen = RuntimeOptions.of(options)
        body: dict[str, Any] = {
            "program_id": program_id,
            "params": typed.dump(dict(inputs)),
            **chosen.to_wire(),
        }
        if session_id is not None:
            body["session_id"] = session_id
        if start_session:
            body["start_session"] = True
        record = self.api(chosen.instance).create_job(body)
        return ProgramJob(
            record,
            service=self,  # type: ignore[arg-type] # which this is a part of
            instance=chosen.instance,
            result_decoder=result_decoder,
            callback=callback,
        )
