"""The stack on the emulator, which leaves out what it does not know: the queue's policy and the subscription.

The subscription is made here as the template describes it, so that there is one description; policies are not enforced there
anyway. The emulator forgets everything with its process: it is all made again when it comes back empty.
"""

import json

from pipeline.adapters.aws.connection import ACCOUNT, REGION, NothingThere, Resources, client, mapped_errors
from pipeline.adapters.aws.stack import Stack
from pipeline.adapters.aws.template import template


def provision(endpoint_url: str, prefix: str) -> Resources:
    """Topic, queue, dead-letter queue, subscription, and the three hosts that are none. Safe to repeat, also at once."""
    stack = Stack(client("cloudformation", endpoint_url, read_timeout_s=30), prefix)
    if stack.outputs() is not None and not _all_there(endpoint_url, prefix):
        stack.delete()
    stack.apply({"Prefix": prefix, "Hosts": "yes"})
    return _completed(endpoint_url, prefix)


def _topic_arn(prefix: str) -> str:
    return f"arn:aws:sns:{REGION}:{ACCOUNT}:{prefix}-bars"


def _all_there(endpoint_url: str, prefix: str) -> bool:
    try:
        with mapped_errors():
            client("sns", endpoint_url).get_topic_attributes(TopicArn=_topic_arn(prefix))
            client("sqs", endpoint_url).get_queue_url(QueueName=f"{prefix}-driver")
    except NothingThere:
        return False
    return True


def _completed(endpoint_url: str, prefix: str) -> Resources:
    sns, sqs, topic_arn = client("sns", endpoint_url), client("sqs", endpoint_url), _topic_arn(prefix)
    wanted = template()["Resources"]["Subscription"]["Properties"]
    with mapped_errors():
        queue_url = sqs.get_queue_url(QueueName=f"{prefix}-driver")["QueueUrl"]
        queue_arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(
            TopicArn=topic_arn,
            Protocol=wanted["Protocol"],
            Endpoint=queue_arn,
            Attributes={
                "RawMessageDelivery": json.dumps(wanted["RawMessageDelivery"]),
                "FilterPolicy": json.dumps(wanted["FilterPolicy"]),
            },
        )
    return Resources(topic_arn, queue_url)
