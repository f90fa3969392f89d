"""The log on Kafka: a service's place on it is a publisher and, where it reads, a consumer with its pool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog
from aiokafka.errors import KafkaError
from faststream import FastStream

from shared.domain.errors import SoulprintError, UsageError
from shared.log.deadletter import DeadLetter, bury
from shared.log.health import LoopState, PoolState
from shared.log.kafka.buried import Buried
from shared.log.kafka.cloudevents import CloudEvents
from shared.log.kafka.connection import Connection, probe, wait_for_kafka
from shared.log.kafka.publisher import Publisher
from shared.log.kafka.reading import KafkaReading
from shared.log.kafka.subscriber import SubscriberPolicy, Subscription, application, broker_for
from shared.log.metrics import PoolMetrics
from shared.log.pool import Pool
from shared.log.ports import Consumption, LogUnavailableError
from shared.resilience.lane import Lane
from shared.settings import Settings

log = structlog.get_logger(__name__)


def connection_of(settings: Settings) -> Connection:
    """How the settings reach Kafka. Raises UsageError if they do not say where it is."""
    if not settings.kafka_bootstrap_servers:
        raise UsageError("set KAFKA_BOOTSTRAP_SERVERS to the address of Kafka (host:port)")
    return Connection(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_username,
        password=settings.kafka_password.get_secret_value() if settings.kafka_password else None,
        ca_file=str(settings.kafka_ca_file) if settings.kafka_ca_file else None,
    )


class KafkaLog:
    """See shared.log.ports.Log."""

    durable = True

    def __init__(
        self,
        connection: Connection,
        *,
        pipeline: str,
        prefix: str,
        metrics: PoolMetrics,
        subscriber: SubscriberPolicy | None = None,
    ) -> None:
        self.connection = connection
        self.pipeline = pipeline
        self.prefix = prefix
        """Stands before the name of every topic and group: deployments that share a cluster keep apart."""
        self.metrics = metrics
        self.subscriber = subscriber or SubscriberPolicy()

    @classmethod
    def of(
        cls, settings: Settings, metrics: PoolMetrics, subscriber: SubscriberPolicy | None = None
    ) -> KafkaLog:
        """As the settings say. Raises UsageError if they do not say where Kafka is."""
        return cls(
            connection_of(settings),
            pipeline=settings.pipeline,
            prefix=settings.kafka_prefix,
            metrics=metrics,
            subscriber=subscriber,
        )

    def client(self, name: str) -> KafkaClient:
        """See Log."""
        return KafkaClient(self, name)

    async def answers(self) -> None:
        """See Log."""
        try:
            await probe(self.connection, ())
        except (KafkaError, OSError) as error:
            raise LogUnavailableError(f"Kafka does not answer: {type(error).__name__}") from None

    def reading(self) -> KafkaReading:
        """See Log."""
        return KafkaReading(self.connection, self.prefix)


class KafkaClient:
    """See shared.log.ports.LogClient."""

    def __init__(self, log: KafkaLog, name: str) -> None:
        self._log = log
        self._name = name
        self.publisher = Publisher(
            log.connection, source=name, pipeline=log.pipeline, prefix=log.prefix, metrics=log.metrics
        )
        self._buried = Buried(log.connection)
        self._subscription: Subscription | None = None
        self._app: FastStream | None = None

    async def start(self, reads: Consumption | None, waiting: Callable[[str], None]) -> None:
        """See LogClient."""
        if reads is None:
            await self.publisher.start()
            return
        log, prefix = self._log, self._log.prefix
        pool = Pool(
            reads.stage,
            reader=CloudEvents(),
            bury=self._bury,
            metrics=log.metrics,
            policy=reads.policy,
            lane=Lane(probe=reads.probe, backoff=reads.policy.trials),
        )
        broker = broker_for(log.connection, f"soulprint-{self._name}")
        policy = replace(log.subscriber, drain=reads.grace)
        subscription = Subscription(broker, prefix + reads.topic, prefix + reads.group, pool, policy)
        app = application(log.connection, broker, [subscription], self.publisher)
        await wait_for_kafka(log.connection, {subscription.topic}, tell=waiting)
        self._subscription, self._app = subscription, app
        try:
            await app.start()
        except KafkaError as error:
            raise SoulprintError(
                f"{self._name}: Kafka went away at the start: {type(error).__name__}"
            ) from None

    async def _bury(self, letter: DeadLetter) -> None:
        if await self._buried.has(letter):
            log.info("set aside before", stage=letter.stage, dlq_id=str(letter.id))
            return
        await bury(letter, self.publisher)
        self._buried.note(letter)

    def state(self) -> tuple[PoolState, LoopState] | None:
        """See LogClient."""
        subscription = self._subscription
        if subscription is None:
            return None
        return subscription.pool.state(), replace(subscription.state(), publishing=self.publisher.alive)

    async def stop(self, grace: float | None = None) -> None:
        """See LogClient."""
        if self._subscription is None or self._app is None:
            await self.publisher.close()
            return
        if grace is not None:
            self._subscription.policy = replace(self._subscription.policy, drain=grace)
        app, self._app = self._app, None
        await app.stop()
