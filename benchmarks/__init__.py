"""Figures of Keepgate on throwaway hosts; printed, never asserted."""
