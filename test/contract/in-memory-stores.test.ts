import { InMemoryOwnerStore, InMemoryReplicaStore } from '@meridian/shared'
import { describeOwnerStore, describeReplicaStore, type StoreUnderTest } from './stores.contract.ts'

/** Memory outlives nothing; what the next process would find is the store itself. */
function kept<Store>(store: Store): StoreUnderTest<Store> {
  return { store, reopen: () => store, dispose: () => undefined }
}

describeOwnerStore('InMemoryOwnerStore', () => kept(new InMemoryOwnerStore()))
describeReplicaStore('InMemoryReplicaStore', () => kept(new InMemoryReplicaStore()))
